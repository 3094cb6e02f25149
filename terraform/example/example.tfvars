# The least that must be said. Copy it, and make it yours.
project    = "figures-example"
image      = "moment-dataflow:1"
subnetwork = "regions/europe-west1/subnetworks/workers"
emails     = ["operators@example.com"]

inputs = {
  web  = { channel = "segment", publishers = ["serviceAccount:collector@figures-example.iam.gserviceaccount.com"] }
  chat = { channel = "youtube_chat" }
}

reader_groups            = ["figures@example.com"]
people_reader_groups     = ["analysts@example.com"]
restricted_reader_groups = ["operators@example.com"]

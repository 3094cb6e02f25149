"""One writer a channel: the story's decisions in the vendor's own format."""

"""`moment compact`: a closed day reduced to what views look at, and an archive's files gathered.

Each place has its file; `kept` says which rows stay. Nothing is imported here.
"""

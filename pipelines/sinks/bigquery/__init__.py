"""BigQuery as a sink: `sink.WriteBigQuery` appends as a stream does, load.py as a batch does.

Nothing is imported here: options read `destination`, and Google's clients are an extra.
"""

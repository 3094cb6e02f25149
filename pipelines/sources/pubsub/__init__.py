"""Pub/Sub as a source: `source.read_pubsub`; on Dataflow the runner reads, by native.py.

Nothing is imported here: options read `settings`, and Google's client is an extra.
"""

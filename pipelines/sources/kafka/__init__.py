"""Kafka as a source: `source.ReadKafka` without end, `bounded.ReadKafkaOnce` up to an end.

Nothing is imported here: options read `settings`, and Kafka's client is an extra.
"""

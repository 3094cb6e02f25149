"""A real Flink cluster, Beam's workers and a Kafka broker on one machine, without containers."""

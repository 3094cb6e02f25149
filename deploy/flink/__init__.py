"""Flink in production: images, manifests for its Kubernetes operator, compose file, runbook."""

"""Metrics for Prometheus: add `sequere.contrib.prometheus` to INSTALLED_APPS."""

"""Servers for the tests, the benchmarks and the demonstration. Each lives as long as a `with` block."""

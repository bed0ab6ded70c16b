"""Servers for the tests, the benchmarks and the demonstration, each of which lives as long as a block."""

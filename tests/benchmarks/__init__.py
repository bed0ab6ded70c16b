"""The cost of Sequere beside the same work done by hand: `python -m tests.benchmarks`, or `make bench`."""

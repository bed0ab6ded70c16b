"""Helpers for the tests of host projects, and of other backends."""

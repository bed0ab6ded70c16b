"""For the tests of host projects, and of other backends."""

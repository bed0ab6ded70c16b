"""The Redis server, as the backends of both packages use it."""

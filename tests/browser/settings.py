"""The example site, with passwords that are checked fast."""

from example_project.settings import *  # noqa: F403  # all of it

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

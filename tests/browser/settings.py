"""The example site, with a fast password hasher."""

from example_project.settings import *  # noqa: F403  # all of it

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

"""What a project needs to use Sequere, or one peer, and otherwise Django's default settings."""

import json
import os

SECRET_KEY = "for benchmarks only"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *json.loads(os.environ["PEERS_APPS"]),
    "tests.benchmarks.peers.app",
]
AUTH_USER_MODEL = "app.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The connection stays open, as between requests.
DATABASES = {"default": json.loads(os.environ["PEERS_DATABASE"]) | {"CONN_MAX_AGE": None}}

if os.environ["PEERS_NAME"] == "sequere" and "PEERS_REDIS_URL" in os.environ:
    SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    SEQUERE_BACKEND_OPTIONS = {"url": os.environ["PEERS_REDIS_URL"]}
    SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    SEQUERE_TIMELINE_BACKEND_OPTIONS = SEQUERE_BACKEND_OPTIONS | {"prefix": "sequere:timeline:"}
    SEQUERE_TIMELINE_MAX_LENGTH = None  # as in the database: all must find the same entries

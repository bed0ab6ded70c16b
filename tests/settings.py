"""A host project with everything installed."""

import os
import tempfile
from pathlib import Path
from uuid import uuid4

import dj_database_url

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "sequere",
    "sequere.backends.database",
    "sequere_timeline",
    "sequere_timeline.backends.database",
    "tests.testapp",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "sequere.middleware.SequereMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": dj_database_url.parse(os.environ.get("SEQUERE_DATABASE_URL") or "sqlite://:memory:")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"] |= {
        # As the documentation recommends for SQLite: one writer at a time, the others wait.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 60,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, since races need several connections. No two runs share it.
        "TEST": {"NAME": str(Path(tempfile.gettempdir(), f"sequere-{uuid4().hex}.sqlite3"))},
    }
elif os.environ.get("TESTS_PREPARED") == "yes":
    # As the documentation recommends for unpooled connections: PostgreSQL plans a statement once.
    DATABASES["default"].setdefault("OPTIONS", {}).update(server_side_binding=True, prepare_threshold=5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "testapp.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the fastest one

USE_TZ = True
TIME_ZONE = "Europe/Paris"  # not UTC, and with summer time
STATIC_URL = "static/"

# The mode of the built-in projections: `python -m tests` runs the suite in several.
if (mode := os.environ.get("TESTS_PROJECTION_MODE", "inline")) != "inline":
    SEQUERE_PROJECTION_MODES = {"follows": mode, "timelines": mode}

# Where the read models live: `python -m tests` also runs their tests in Redis, in its modes.
if os.environ.get("TESTS_BACKEND") == "redis":
    # Test processes share a server; each removes only its own keys.
    prefix = os.environ.get("TESTS_PREFIX") or f"sequere-tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}:"
    SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    SEQUERE_BACKEND_OPTIONS = {"url": os.environ["SEQUERE_REDIS_URL"], "prefix": prefix}
    SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    SEQUERE_TIMELINE_BACKEND_OPTIONS = SEQUERE_BACKEND_OPTIONS | {"prefix": f"{prefix}timeline:"}

# The queues of Celery's tasks in tests with a worker; test processes do not share one.
if "TESTS_BROKER_URL" in os.environ:
    DATABASES["default"]["CONN_MAX_AGE"] = 600  # a worker keeps its connection between tasks
CELERY_BROKER_URL = os.environ.get("TESTS_BROKER_URL", "memory://")
queue = os.environ.get("TESTS_QUEUE") or f"sequere-tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
SEQUERE_CELERY_QUEUES = {"default": queue, "fan_out": f"{queue}.fanout"}
CELERY_BEAT_SCHEDULE = {"sequere": {"task": "sequere.sweep", "schedule": 10, "options": {"queue": queue}}}

# A projector of the host, for a worker that a test starts.
if projectors := os.environ.get("TESTS_PROJECTORS"):
    SEQUERE_PROJECTORS = dict(entry.split("=") for entry in projectors.split(","))
    SEQUERE_PROJECTION_MODES |= dict.fromkeys(SEQUERE_PROJECTORS, mode)

"""A site that someone could start from.

The database is an SQLite file, or the one in SEQUERE_DATABASE_URL. With SEQUERE_EXAMPLE_BACKEND=redis the follows and
the timelines are in the Redis of SEQUERE_REDIS_URL.
"""

import os
import sys
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent

SECRET_KEY = "the example's secret key, which everybody knows"
# Only where pages are developed: in a command that runs long, it would keep the SQL of all statements in memory.
DEBUG = "runserver" in sys.argv
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "sequere",
    "sequere.backends.database",
    "sequere.contrib.timeline",
    "sequere_timeline.backends.database",
    "example_project.community",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sequere.middleware.SequereMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

IS_IN_REDIS = os.environ.get("SEQUERE_EXAMPLE_BACKEND") == "redis"
if IS_IN_REDIS:
    REDIS_URL = os.environ.get("SEQUERE_REDIS_URL") or "redis://localhost:6379/0"
    SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    SEQUERE_BACKEND_OPTIONS = {"url": REDIS_URL, "prefix": "sequere-example:"}
    SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": REDIS_URL, "prefix": "sequere-example:timeline:"}

# Two files: what is kept in the database is not brought up to date while it is kept in Redis.
SQLITE = BASE_DIR / ("example-redis.sqlite3" if IS_IN_REDIS else "example.sqlite3")
DATABASES = {"default": dj_database_url.parse(os.environ.get("SEQUERE_DATABASE_URL") or f"sqlite:///{SQLITE}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # One writer at a time, others wait for it; readers wait for nobody.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
        # A cache of 100 MB, so that the indexes of the demonstration's graph fit.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-100000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "community.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"

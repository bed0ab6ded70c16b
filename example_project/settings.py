"""The settings of a site to start from.

For development it needs no configuration. Elsewhere, the environment has:

SEQUERE_DATABASE_URL            another database than the SQLite file beside this one
SEQUERE_EXAMPLE_BACKEND=redis   the follows and the timelines are in the Redis of SEQUERE_REDIS_URL
SEQUERE_EXAMPLE_HOSTS           names or addresses of the site besides localhost, separated by commas; ".example.org" is
                                that name and all below it
SEQUERE_EXAMPLE_PROXY=1         if a proxy in front of the site sets X-Forwarded-Proto
SEQUERE_EXAMPLE_HTTPS=1         in production: HTTPS only, for a year in the memory of browsers. It needs the hosts, and
SEQUERE_EXAMPLE_SECRET_KEY      50 characters or more that nobody knows
SEQUERE_EXAMPLE_STATIC_ROOT     where `manage.py collectstatic` puts what the web server hands out as /static/
"""

import os
import sys
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent

HOSTS = [name for name in os.environ.get("SEQUERE_EXAMPLE_HOSTS", "").split(",") if name]
ALLOWED_HOSTS = [*HOSTS, "localhost", "127.0.0.1", "[::1]"]
# A proxy may speak HTTPS with browsers, and not with us.
CSRF_TRUSTED_ORIGINS = [f"https://{'*' if name.startswith('.') else ''}{name}" for name in HOSTS if name != "*"]
if os.environ.get("SEQUERE_EXAMPLE_PROXY") == "1":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECRET_KEY = os.environ.get("SEQUERE_EXAMPLE_SECRET_KEY") or "the example's secret key, which everybody knows"
if STATIC_ROOT := os.environ.get("SEQUERE_EXAMPLE_STATIC_ROOT"):
    # The names of files change with their content, so browsers may cache them for ever.
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }

HAS_HTTPS = os.environ.get("SEQUERE_EXAMPLE_HTTPS") == "1"
# Only in runserver: a long command would keep the SQL of all statements in memory.
DEBUG = "runserver" in sys.argv and not HAS_HTTPS
if HAS_HTTPS:
    needed = ("SEQUERE_EXAMPLE_HOSTS", "SEQUERE_EXAMPLE_SECRET_KEY", "SEQUERE_EXAMPLE_STATIC_ROOT")
    if missing := [name for name in needed if not os.environ.get(name)]:
        raise ImproperlyConfigured(f"With SEQUERE_EXAMPLE_HTTPS=1, set {' and '.join(missing)} as well.")
    ALLOWED_HOSTS = HOSTS
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"

INSTALLED_APPS = [
    # First, since its templates replace those of the others.
    "example_project.community",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "django_htmx",
    "sequere",
    "sequere.backends.database",
    "sequere.contrib.timeline",
    "sequere_timeline.backends.database",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
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
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "example_project.community.context.unread",
            ],
        },
    },
]

IS_IN_REDIS = os.environ.get("SEQUERE_EXAMPLE_BACKEND") == "redis"
if IS_IN_REDIS:
    REDIS_URL = os.environ.get("SEQUERE_REDIS_URL") or "redis://localhost:6379/0"
    SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    # The tour (manage.py demo) has data of its own, which do not suit the site.
    PREFIX = "sequere-demo:" if "demo" in sys.argv[1:2] else "sequere-example:"
    SEQUERE_BACKEND_OPTIONS = {"url": REDIS_URL, "prefix": PREFIX}
    SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": REDIS_URL, "prefix": f"{PREFIX}timeline:"}
if os.environ.get("SEQUERE_EXAMPLE_WORKER"):
    # A page shows the actions of its own user at once, and those of celebrities a moment later.
    SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "celery"}
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
    CELERY_BEAT_SCHEDULE = {
        "sequere": {"task": "sequere.sweep", "schedule": 10, "options": {"queue": "sequere", "expires": 10}}
    }

# Two files: read models in the database are not updated while those in Redis are used.
SQLITE = BASE_DIR / ("example-redis.sqlite3" if IS_IN_REDIS else "example.sqlite3")
DATABASES = {"default": dj_database_url.parse(os.environ.get("SEQUERE_DATABASE_URL") or f"sqlite:///{SQLITE}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # One writer at a time, for which the others wait; readers do not wait.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
        # A cache of 100 MB, for the indexes of the demonstration's graph.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-100000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "community.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"

#: The site itself has a timeline: the actions of everybody.
SITE_ID = 1

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"

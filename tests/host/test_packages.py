"""A host before its setup, and under the documented names."""

import pytest

from tests.host.processes import run_python

NOT_NEEDED = ("celery", "redis", "django_redis", "psycopg", "kombu", "prometheus_client")


def test_importing_sequere_needs_only_django() -> None:
    done = run_python(
        "-c", f"import sys, sequere, sequere_timeline; print([name for name in {NOT_NEEDED!r} if name in sys.modules])"
    )

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize(
    "settings", [f"settings{kind}" for kind in ("", "_doorway", "_follows_only", "_metrics", "_two_databases")]
)
def test_a_host_sets_up_without_a_warning(settings: str) -> None:
    done = run_python("-W", "error", "-m", "django", "check", settings=f"tests.host.{settings}")

    assert done.returncode == 0, done.stderr


def test_backends_are_offered_before_models_are_loaded() -> None:
    """The packages are in INSTALLED_APPS, so they are imported before models can be."""
    done = run_python(
        "-c",
        "import sequere.backends.database, sequere_timeline.backends.database, sequere.contrib.timeline\n"
        "import django; django.setup()\n"
        "from sequere.backends.database import DatabaseBackend\n"
        "from sequere_timeline.backends.database import DatabaseBackend as Timelines\n"
        "from sequere.contrib.timeline import Action, Timeline, get_actions\n"
        "import sequere_timeline\n"
        "print(DatabaseBackend.__name__, Timelines.__name__, Timeline is sequere_timeline.Timeline)\n"
        "sequere.contrib.timeline.Nothing",
        settings="tests.host.settings_doorway",
    )

    assert done.stdout == "DatabaseBackend DatabaseBackend True\n", done.stderr
    assert "has no attribute 'Nothing'" in done.stderr


def test_the_doorway_has_the_label_of_the_timelines() -> None:
    done = run_python(
        "-c",
        "import django; django.setup()\n"
        "from django.apps import apps\n"
        "print(apps.get_app_config('sequere_timeline').name)",
        settings="tests.host.settings_doorway",
    )

    assert done.stdout == "sequere_timeline\n", done.stderr


@pytest.mark.parametrize("settings", ["settings", "settings_doorway", "settings_follows_only"])
def test_no_migration_is_missing(settings: str) -> None:
    """A host need not make any."""
    done = run_python("-m", "django", "makemigrations", "--check", "--dry-run", settings=f"tests.host.{settings}")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_packages_speak_french() -> None:
    done = run_python(
        "-c",
        "import django; django.setup()\n"
        "from django.utils.translation import override\n"
        "from sequere.models import Event\n"
        "with override('fr'): print(Event._meta.verbose_name, Event._meta.get_field('occurred_at').verbose_name)",
        settings="tests.host.settings",
    )

    assert done.stdout == "événement survenu le\n", done.stderr

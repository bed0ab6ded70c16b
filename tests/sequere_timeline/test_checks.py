"""The system checks of timelines."""

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import modify_settings

import sequere
from sequere.base import ModelBase
from sequere_timeline import Action, conf
from tests.testapp.models import Stranger

#: On SQLite, Django asks the database whether it supports JSON: once for all tests, possibly here.
pytestmark = pytest.mark.django_db


def found() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in run_checks() if str(message.id).startswith("sequere_timeline")}


def test_a_project_set_up_as_documented_passes() -> None:
    assert found() == {}


@modify_settings(INSTALLED_APPS={"remove": ["sequere"]})
def test_sequere_timeline_e001_needs_sequere() -> None:
    assert "'sequere'" in str(found()["sequere_timeline.E001"].hint)


@pytest.mark.database
@modify_settings(INSTALLED_APPS={"remove": ["sequere_timeline.backends.database"]})
def test_sequere_timeline_w001_names_the_default_backend() -> None:
    """The default backend is Redis."""
    message = found()["sequere_timeline.W001"]

    assert conf.timeline_backend() == "sequere.contrib.timeline.redis.RedisBackend"
    assert conf.timeline_backend() in message.msg
    assert "the app" in str(message.hint)


def test_sequere_timeline_e002_cannot_be_imported(settings: Any) -> None:
    settings.SEQUERE_TIMELINE_BACKEND = "community.backends.Nowhere"

    assert "'community.backends.Nowhere'" in found()["sequere_timeline.E002"].msg


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("localhost", "is a str, which is not a mapping"),
        ({"hots": "localhost"}, "The option hots in SEQUERE_TIMELINE_BACKEND_OPTIONS is not an option"),
        ({"client_class": "redis.Radis"}, "client_class in SEQUERE_TIMELINE_BACKEND_OPTIONS cannot be imported"),
        ({"cache": "nowhere"}, "is 'nowhere', which is not a cache of django-redis"),
        (
            {"cache": "default", "url": "redis://localhost"},
            "url in SEQUERE_TIMELINE_BACKEND_OPTIONS cannot be combined with",
        ),
        ({"url": "http://localhost"}, "url in SEQUERE_TIMELINE_BACKEND_OPTIONS is refused"),
        ({"options": {"hots": "localhost"}}, "options in SEQUERE_TIMELINE_BACKEND_OPTIONS is refused"),
    ],
)
def test_sequere_timeline_e007_options_of_redis(settings: Any, options: Any, reason: str) -> None:
    settings.SEQUERE_TIMELINE_BACKEND = conf.REDIS
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options

    assert reason in found()["sequere_timeline.E007"].msg


@pytest.mark.parametrize(
    ("prefix", "prefix_of_timelines", "is_wrong"),
    [
        ("sequere:", "sequere:timeline:", False),
        ("mysite:", "mysite:", False),
        ("mysite:", "mysite:uid:", True),
        ("", "", False),
        ("mysite:public:", "mysite:", True),
        ("mysite:follows:", "mysite:timelines:", False),
        ("mysite", "mysites", False),
    ],
)
def test_sequere_timeline_e010_keys_in_common(
    settings: Any, prefix: str, prefix_of_timelines: str, is_wrong: bool
) -> None:
    settings.SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_TIMELINE_BACKEND = conf.REDIS
    settings.SEQUERE_BACKEND_OPTIONS = {"url": "redis://localhost/0", "prefix": prefix}
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": "redis://localhost/0", "prefix": prefix_of_timelines}

    assert ("sequere_timeline.E010" in found()) is is_wrong

    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": "redis://localhost/1", "prefix": prefix_of_timelines}
    assert "sequere_timeline.E010" not in found()


def test_sequere_timeline_e008_timelines_in_the_database_need_follows_there(settings: Any) -> None:
    settings.SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_TIMELINE_BACKEND = conf.DATABASE

    assert "or the timelines in Redis" in str(found()["sequere_timeline.E008"].hint)


def test_sequere_timeline_e003_not_a_backend(settings: Any) -> None:
    settings.SEQUERE_TIMELINE_BACKEND = "sequere.backends.database.DatabaseBackend"

    assert conf.DATABASE in str(found()["sequere_timeline.E003"].hint)


@pytest.mark.parametrize("days", [0, -1, True, "30"])
def test_sequere_timeline_e009_expiry(settings: Any, days: Any) -> None:
    settings.SEQUERE_TIMELINE_EXPIRES_AFTER = days

    assert repr(days) in found()["sequere_timeline.E009"].msg


@pytest.mark.parametrize("length", [0, -1, True, "800", 1.5])
def test_sequere_timeline_e004_cap(settings: Any, length: Any) -> None:
    settings.SEQUERE_TIMELINE_MAX_LENGTH = length

    assert repr(length) in found()["sequere_timeline.E004"].msg


def test_sequere_timeline_w002_misspelt_settings(settings: Any) -> None:
    settings.SEQUERE_TIMELINE_MAXLENGTH = 800
    settings.SEQUERE_BAKCEND = "nowhere"

    message = found()["sequere_timeline.W002"]

    assert message.msg == "SEQUERE_TIMELINE_MAXLENGTH is not a setting of Sequere, and has no effect."
    assert "SEQUERE_TIMELINE_MAX_LENGTH?" in str(message.hint)


def test_sequere_timeline_e005_verbs() -> None:
    class Like(Action):
        verb = "like"

    class StrangerSequere(ModelBase):
        actions = (Like,)

    sequere.register(Stranger, StrangerSequere)
    try:
        assert "'like'" in found()["sequere_timeline.E005"].msg
    finally:
        sequere.unregister(Stranger)


@pytest.mark.database
@modify_settings(INSTALLED_APPS={"remove": ["sequere.backends.database"]})
def test_sequere_timeline_e006_needs_the_follows_in_the_database(settings: Any) -> None:
    assert "'sequere.backends.database'" in str(found()["sequere_timeline.E006"].hint)

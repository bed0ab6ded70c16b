"""The system checks of timelines."""

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import modify_settings

import sequere
from sequere.base import ModelBase
from sequere_timeline import Action, conf
from tests.testapp.models import Stranger


def found() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in run_checks() if str(message.id).startswith("sequere_timeline")}


def test_a_project_set_up_as_documented_is_right() -> None:
    assert found() == {}


@modify_settings(INSTALLED_APPS={"remove": ["sequere"]})
def test_sequere_timeline_e001_needs_sequere() -> None:
    assert "'sequere'" in str(found()["sequere_timeline.E001"].hint)


@pytest.mark.database
@modify_settings(INSTALLED_APPS={"remove": ["sequere_timeline.backends.database"]})
def test_sequere_timeline_e002_names_the_choice_and_what_is_missing() -> None:
    message = found()["sequere_timeline.E002"]

    assert conf.backend() == "sequere.contrib.timeline.redis.RedisBackend"
    assert conf.backend() in message.msg
    assert "'sequere_timeline.backends.database'" in str(message.hint)


def test_sequere_timeline_e003_no_backend(settings: Any) -> None:
    settings.SEQUERE_TIMELINE_BACKEND = "sequere.backends.database.DatabaseBackend"

    assert conf.DATABASE in str(found()["sequere_timeline.E003"].hint)


@pytest.mark.parametrize("length", [0, -1, True, "800", 1.5])
def test_sequere_timeline_e004_cap(settings: Any, length: Any) -> None:
    settings.SEQUERE_TIMELINE_MAX_LENGTH = length

    assert repr(length) in found()["sequere_timeline.E004"].msg


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

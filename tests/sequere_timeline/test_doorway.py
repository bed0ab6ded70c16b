"""`sequere.contrib.timeline`, the documented name of sequere_timeline."""

import sys

import pytest
from django.apps import AppConfig, apps

import sequere_timeline
from sequere.contrib import timeline as doorway
from sequere_timeline.backends.base import get_backend
from sequere_timeline.backends.database.backend import DatabaseBackend


class OtherBackend(DatabaseBackend):
    """A backend of a host."""


def test_the_doorway_leads_to_the_same_things():
    for name in ("Action", "Timeline", "get_actions"):
        assert getattr(doorway, name) is getattr(sequere_timeline, name)


@pytest.mark.parametrize("package", [doorway, sequere_timeline, sys.modules["sequere_timeline.backends.database"]])
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="Nothing"):
        _ = package.Nothing


def test_both_names_are_one_app():
    configs = [AppConfig.create(name) for name in ("sequere.contrib.timeline", "sequere_timeline")]

    assert [(config.name, config.label) for config in configs] == [("sequere_timeline", "sequere_timeline")] * 2
    assert apps.get_app_config("sequere_timeline_database").name == "sequere_timeline.backends.database"


@pytest.mark.database
def test_another_backend_takes_effect_at_once(settings):
    assert type(get_backend()) is DatabaseBackend

    settings.SEQUERE_TIMELINE_BACKEND = f"{__name__}.OtherBackend"

    assert type(get_backend()) is OtherBackend

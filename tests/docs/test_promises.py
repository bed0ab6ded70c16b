"""Statements that no example of the documentation shows."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sequere.models import Event, follow, get_followings, get_followings_count
from tests.docs.project import manage
from tests.factories import UserFactory
from tests.testapp.models import User


def test_the_hint_about_a_missing_trigger_puts_it_back(community: Path, tmp_path: Path) -> None:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.execute("DROP TRIGGER sequere_event_no_delete")
    (hint,) = re.findall(r"'manage\.py ([^']+)'", manage("check --database default", tmp_path).stderr)

    manage(hint, tmp_path)

    assert manage("check --database default", tmp_path).stderr == ""


@pytest.mark.django_db
def test_an_instance_that_was_never_loaded_can_be_deleted() -> None:
    thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
    follow(newbie, thoas)

    User(pk=thoas.pk).delete()

    assert get_followings_count(newbie) == 0
    assert [event.type for event in Event.objects.order_by("id")] == ["followed", "unfollowed", "deleted"]


@pytest.mark.django_db
def test_an_instance_deleted_past_django_is_hidden_and_counted() -> None:
    thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
    follow(newbie, thoas)

    User.objects.filter(pk=thoas.pk)._raw_delete(using="default")

    followings = get_followings(newbie)
    assert (list(followings), followings.hidden, get_followings_count(newbie)) == ([], 1, 1)

"""A writer that another has overtaken can no longer write."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from sequere.backends.base import get_backend
from sequere.backends.redis.scripts import READ_FOLLOWER_NAMES, WRITE_SIDES
from sequere.contrib.timeline import Timeline
from sequere.exceptions import StaleWriter
from sequere.log.models import Event
from sequere.models import follow, follow_many, get_followers_count, is_following, unfollow, unfollow_many
from sequere.redis.fencing import DRAW_TOKEN, is_refusal
from sequere.redis.read_model import RedisModel
from sequere.redis.scripts import Script
from sequere.replay.verifying import verify
from sequere_timeline.backends.redis.scripts import SAVE_ACTION
from tests.redis.late import calls, late, only_postgresql
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def test_on_an_emptied_server_new_writers_have_larger_tokens(client: Any, thoas: User, project: Project) -> None:
    """Otherwise earlier writers would lock out all later ones."""
    model = get_backend().projector._model
    tokens = []
    for _ in range(3):
        tokens.append(model.begin([], "default", [])[0])
        client.flushall()

    assert tokens == sorted(set(tokens))


def test_a_writer_that_has_lost_its_lock_is_refused(
    thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that was overtaken by another one with locks can no longer write, and its events wait."""
    pairs = [(thoas, project), (newbie, project)]
    follow_many(pairs)
    projector = get_backend().projector
    event = Event.objects.earliest("pk")
    token = projector._model.draw([], "default")[0]
    unfollow_many(pairs)

    monkeypatch.setattr(RedisModel, "begin", lambda *_: (token, []))
    with pytest.raises(StaleWriter):
        projector.apply([event], using="default")

    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0


@only_postgresql
@pytest.mark.parametrize("script", [DRAW_TOKEN, WRITE_SIDES], ids=["before its token", "before the follow"])
def test_a_drainer_that_writes_after_its_connection_was_cut_is_refused(
    thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    """It has read that thoas follows; while it pauses, its locks are lost, and thoas unfollows."""
    with late(monkeypatch, lambda: follow(thoas, project), calls(script)) as answers:
        unfollow(thoas, project)
        assert get_followers_count(project) == 0

    assert any(map(is_refusal, answers)) is (
        script is not DRAW_TOKEN
    )  # otherwise it notices that it cannot read the log
    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0
    call_command("run_projections", once=True)
    assert verify("follows").wrong == 0


@only_postgresql
@pytest.mark.parametrize(
    "script",
    [DRAW_TOKEN, READ_FOLLOWER_NAMES, SAVE_ACTION],
    ids=["before its token", "before the followers", "before the action"],
)
def test_a_fan_out_that_writes_after_its_connection_was_cut_is_refused(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    """It has read that the action exists; while it pauses, its locks are lost, and the action is deleted before
    anything is stored of it."""
    follow(newbie, thoas)
    Timeline(newbie).get_private_count()
    action = JoinAction(actor=thoas)
    action.saved_as(str(uuid4()))  # so that the deletion can name it

    with late(monkeypatch, lambda: Timeline(thoas).save(action), calls(script)) as answers:
        Timeline(thoas).delete(action)

    assert any(map(is_refusal, answers)) is (
        script is not DRAW_TOKEN
    )  # otherwise it notices that it cannot read the log
    assert (Timeline(thoas).get_public_count(), Timeline(newbie).get_private_count()) == (0, 0)
    call_command("run_projections", once=True)
    assert verify("timelines").wrong == 0

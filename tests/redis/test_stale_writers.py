"""A writer whom another one has overtaken writes nothing any more."""

from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from sequere.backends.base import get_backend
from sequere.backends.redis.scripts import NAME, WRITE
from sequere.contrib.timeline import Timeline
from sequere.exceptions import StaleWriter
from sequere.log.models import Event
from sequere.models import follow, get_followers_count, is_following, unfollow
from sequere.redis.connection import STALE, Script
from sequere.redis.model import DRAW, RedisModel
from sequere.replay.verifying import verify
from sequere_timeline.backends.base import get_backend as timelines
from sequere_timeline.backends.redis.scripts import FENCE, PUT
from tests.redis.late import calls, late, only_postgresql
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def is_refusal(answer: Any) -> bool:
    return STALE in str(answer)


def test_after_an_emptied_server_new_writers_have_larger_numbers(client: Any, thoas: User, project: Project) -> None:
    """Or else who came before would lock out all that come after."""
    model = get_backend().projector._model
    numbers = []
    for _ in range(3):
        numbers.append(model.draw([])[0])
        client.flushall()

    assert numbers == sorted(set(numbers))


def test_a_writer_whose_lock_is_gone_is_refused(thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was overtaken writes nothing any more, and what he has not applied waits."""
    follow(thoas, project)
    projector = get_backend().projector
    (event,) = Event.objects.all()
    number = projector._model.draw([])[0]
    unfollow(thoas, project)

    drawn = RedisModel.draw
    monkeypatch.setattr(RedisModel, "draw", lambda self, commands: (number, drawn(self, commands)[1]))
    with pytest.raises(StaleWriter):
        projector.apply([event], using="default")

    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0


@only_postgresql
@pytest.mark.parametrize("script", [DRAW, NAME, WRITE], ids=["before its number", "before a uid", "before the follow"])
def test_a_drainer_whose_connection_is_cut_and_that_goes_on_writing_is_refused(
    thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    """It has read that thoas follows; while it holds still, its locks are lost, and thoas unfollows."""
    with late(monkeypatch, get_backend(), lambda: follow(thoas, project), calls(script)) as answers:
        unfollow(thoas, project)
        assert get_followers_count(project) == 0

    assert any(map(is_refusal, answers)) is (script is not DRAW)  # else it has learnt that it cannot read the log
    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0
    call_command("run_projections", once=True)
    assert verify("follows").wrong == 0


@only_postgresql
@pytest.mark.parametrize("script", [DRAW, FENCE, PUT], ids=["before its number", "before a look", "before the action"])
def test_a_fan_out_whose_connection_is_cut_and_that_goes_on_writing_is_refused(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    """It has read that the action is there; while it holds still, its locks are lost, and the action is deleted, of
    which nothing is stored yet."""
    follow(newbie, thoas)
    Timeline(newbie).get_private_count()
    action = JoinAction(actor=thoas)
    action.saved_as(str(uuid4()))  # so that the other one can name it

    with late(monkeypatch, timelines(), lambda: Timeline(thoas).save(action), calls(script)) as answers:
        Timeline(thoas).delete(action)

    assert any(map(is_refusal, answers)) is (script is not DRAW)  # else it has learnt that it cannot read the log
    assert (Timeline(thoas).get_public_count(), Timeline(newbie).get_private_count()) == (0, 0)
    call_command("run_projections", once=True)
    assert verify("timelines").wrong == 0

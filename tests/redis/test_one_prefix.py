"""Follows and timelines share one prefix in a project that keeps the settings documented by django-sequere 0.4."""

from typing import Any

import pytest

from sequere.backends.base import get_backend as follows
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ReadModelLost
from sequere.models import follow, get_followers
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere_timeline.backends.base import get_backend as timelines
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def joined(in_redis: None, settings: Any, thoas: User, newbie: User) -> JoinAction:
    """thoas joins, and newbie follows thoas."""
    settings.SEQUERE_BACKEND_OPTIONS = {**settings.SEQUERE_BACKEND_OPTIONS, "prefix": "prefix-used:"}
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = settings.SEQUERE_BACKEND_OPTIONS
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    follow(newbie, thoas)
    return action


def test_a_rebuilt_read_model_says_nothing_about_the_other(
    client: Any, thoas: User, newbie: User, joined: JoinAction
) -> None:
    """On an emptied server, timelines are not empty because the follows are back."""
    client.flushall()

    rebuild("follows")

    assert [follower for follower, _ in get_followers(thoas)] == [newbie]
    for look in (Timeline(newbie).get_private, Timeline(thoas).get_public):
        with pytest.raises(ReadModelLost, match="--projection timelines"):
            list(look())
    rebuild("timelines")
    assert Timeline(newbie).get_private() == [joined]


def test_each_backend_removes_only_its_own_keys(thoas: User, newbie: User, joined: JoinAction) -> None:
    timelines().reset("default")
    assert [follower for follower, _ in get_followers(thoas)] == [newbie]
    assert verify("follows").wrong == 0

    rebuild("timelines")
    follows().reset("default")
    assert Timeline(thoas).get_public() == [joined]

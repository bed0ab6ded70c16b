"""Redis is never asked to delete everything, to read everything at once, or to write during a read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from sequere.backends.base import get_backend as follows
from sequere.contrib.timeline import Timeline
from sequere.models import (
    follow,
    get_followers,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
)
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere_timeline.backends.base import get_backend as timelines
from tests.factories import ProjectFactory, UserFactory
from tests.redis.test_follow_keys import everything
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db

#: Commands that block a server while it goes through its keys or members, or that delete the keys of others.
RUDE = {"keys", "flushdb", "flushall", "smembers", "hgetall", "hkeys", "hvals", "lrange", "sort", "zrangestore", "save"}


@contextmanager
def heard(client: "redis.Redis") -> Iterator[list[list[str]]]:
    """The commands that the server gets in the block, from any client or script."""
    commands: list[list[str]] = []
    with client.monitor() as monitor:
        yield commands
        client.echo("that was all")
        for one in monitor.listen():
            if one["command"] == "ECHO that was all":
                return
            commands.append(one["command"].split())


def look_at_all(one: User, other: User) -> list[Any]:
    """All questions about two people."""
    seen: list[Any] = [is_following(one, other), is_following_many(one, [other, UserFactory()])]
    for timeline in (Timeline(one), Timeline(other)):
        lists = timeline.get_private(), timeline.get_private(target=other), timeline.get_public(action=LikeAction)
        seen += [[list(actions), list(actions.iterator()), actions.page(1), actions.count()] for actions in lists]
        seen += [timeline.get_private_count(), timeline.get_public_count(), timeline.get_unread_count()]
        seen += [timeline.read_at]
    for user in (one, other):
        for get in (get_followers, get_followings, get_friends):
            seen += [list(get(user).iterator()), list(get(user, desc=False)), get(user, identifier="user").page(1)]
        seen += [get_followers_count(user), get_friends_count(user, identifier="project")]
    return seen


def test_nothing_blocks_the_server(client: Any, thoas: User, newbie: User) -> None:
    project = ProjectFactory()
    client.config_resetstat()
    follow(newbie, thoas)
    follow(thoas, newbie)
    follow(newbie, project)
    action = LikeAction(actor=thoas, target=project)
    Timeline(thoas).save(action)
    Timeline(newbie).save(JoinAction(actor=thoas))
    Timeline(newbie).mark_as_read()
    look_at_all(thoas, newbie)
    Timeline(thoas).delete(action)
    unfollow(newbie, thoas)
    project.delete()
    for name in ("follows", "timelines"):
        rebuild(name)
        verify(name)
    for backend in (follows(), timelines()):
        backend.reset("default")
    for name in ("follows", "timelines"):
        rebuild(name)

    used = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}

    assert {"evalsha", "scan", "unlink", "zadd"} <= used
    assert not used & RUDE


def test_a_reset_removes_a_few_keys_at_once(client: Any) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for number in range(2000):
            pipeline.set(f"sequere:uid:user:{number}", number)
            pipeline.hset(f"sequere:timeline:action:{number}", "uid", number)
        pipeline.execute()

    with heard(client) as commands:
        for backend in (follows(), timelines()):
            backend.reset("default")

    removals = [len(command) - 1 for command in commands if command[0] == "UNLINK"]
    assert sum(removals) >= 4000
    assert max(removals) < 1000
    assert not {command[0] for command in commands} & {"DEL", "FLUSHDB", "FLUSHALL", "KEYS"}
    assert everything(client) == {}


def test_reads_write_nothing(client: Any, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    Timeline(thoas).save(LikeAction(actor=thoas, target=newbie))
    Timeline(newbie).mark_as_read(0)
    for user in (thoas, newbie):
        Timeline(user).get_private_count()  # the first read fills a timeline
    before = everything(client)

    with heard(client) as commands:
        assert look_at_all(thoas, newbie)

    assert everything(client) == before
    writing = {name.upper() for name, command in client.command().items() if "write" in command["flags"]}
    written = {tuple(command[:2]) for command in commands if command[0] in writing}
    assert written == {("EXPIRE", f"sequere:timeline:private:user:{user.pk}") for user in (thoas, newbie)}

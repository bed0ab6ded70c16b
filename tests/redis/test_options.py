"""SEQUERE_BACKEND_OPTIONS: how the server is reached, and which wrong options are reported."""

import re
import sys
from typing import Any

import pytest
import redis
from django.core.checks import run_checks

from sequere.backends.base import get_backend
from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable, InvalidBackendOption
from sequere.models import follow, get_followers, get_followers_count, get_friends, is_following, is_following_many
from sequere.redis.connection import Connection
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing.contracts.base import follower_pages
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction


class Recorded(redis.Redis):
    """A client class of a host."""


def no_client() -> None:
    """A callable that is not a client class."""


@pytest.fixture
def socket(server: Any) -> str:
    return server.url.removeprefix("unix://")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options",
    [
        {"url": True},
        {"url": True, "options": {"decode_responses": True}},
        {"options": {"unix_socket_path": True, "db": 0}},
        {"options": {"unix_socket_path": True, "decode_responses": True, "protocol": 2}},
        {"options": {"unix_socket_path": True, "protocol": 3}},
        {"client_class": f"{__name__}.Recorded", "options": {"unix_socket_path": True}},
        {"client_class": Recorded, "url": True},
        {"cache": "follows"},
    ],
    ids=str,
)
def test_a_server_is_reached(
    settings: Any,
    client: "redis.Redis",
    server: Any,
    socket: str,
    thoas: User,
    newbie: User,
    project: Project,
    options: dict[str, Any],
) -> None:
    """Also by a client without decode_responses."""
    settings.CACHES = {
        "follows": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url},
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    options = {name: server.url if name == "url" else value for name, value in options.items()}
    if options.get("options", {}).get("unix_socket_path"):
        options["options"] = options["options"] | {"unix_socket_path": socket}
    settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options

    follow(thoas, project)
    follow(newbie, project)
    follow(thoas, newbie)
    follow(newbie, thoas)

    assert run_checks(tags=["sequere"]) == []
    assert is_following(thoas, project)
    assert is_following_many(thoas, [newbie, project]) == {newbie: True, project: True}
    assert [one for one, _ in get_followers(project)] == [newbie, thoas]
    assert [one for one, _ in get_followers(project).iterator(1)] == [newbie, thoas]
    assert [one for one, _ in get_friends(thoas)] == [newbie]
    assert get_followers_count(project, identifier="user") == 2
    assert sum(map(len, follower_pages(get_backend(), project))) == 2

    Timeline(thoas).save(like := LikeAction(actor=thoas, target=project, date=1))
    Timeline(newbie).get_private_count()
    Timeline(thoas).save(join := JoinAction(actor=thoas, date=2))
    Timeline(newbie).save(join)
    Timeline(newbie).mark_as_read(1)

    def look() -> list[Any]:
        timeline = Timeline(newbie)
        private = timeline.get_private()
        return [
            [(action, action.reasons, action.date.timestamp()) for action in private],
            [
                list(timeline.get_private(action="like", target=project)),
                list(private.page(1)),
                list(private.iterator()),
            ],
            [list(Timeline(thoas).get_public(target="project")), timeline.get_unread_count()],
            timeline.read_at and timeline.read_at.timestamp(),
        ]

    seen = look()
    entries = [(join, {"direct", "followed"}, 2), (like, {"followed"}, 1)]
    assert seen == [entries, [[like], [join], [join, like]], [[like], 1], 1]
    for damage in (
        lambda: client.zadd(f"sequere:uid:{client.get(f'sequere:uid:project:{project.pk}')}:followers", {"99": 1}),
        lambda: client.zadd(f"sequere:timeline:public:user:{newbie.pk}", {"199991": 1}),
        lambda: client.zrem(
            f"sequere:timeline:private:user:{newbie.pk}",
            *client.zrange(f"sequere:timeline:private:user:{newbie.pk}", 1, 1),
        ),
    ):
        damage()
        assert sum(verify(name, repair=True).wrong for name in ("follows", "timelines"))
        assert [verify(name).wrong for name in ("follows", "timelines")] == [0, 0]
    client.flushall()
    for name in ("follows", "timelines"):
        rebuild(name)
    assert [one for one, _ in get_followers(project)] == [newbie, thoas]
    assert look() == seen


def test_sequere_e009_creating_a_backend_does_not_connect(settings: Any) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = {"url": "redis://nowhere.invalid:1/0"}

    assert get_backend()
    assert run_checks(tags=["sequere"]) == []


def test_a_backend_without_redis_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even without checks, as in a shell."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InvalidBackendOption, match=r"pip install 'django-sequere\[redis\]'"):
        Connection("SEQUERE_BACKEND_OPTIONS", {}, "sequere:").run([("PING",)])


@pytest.mark.parametrize(
    ("missing", "options"),
    [("redis", {"url": "redis://localhost"}), ("redis", {}), ("django_redis", {"cache": "default"})],
)
def test_sequere_e009_a_missing_extra(
    settings: Any, monkeypatch: pytest.MonkeyPatch, missing: str, options: dict[str, Any]
) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options
    monkeypatch.setitem(sys.modules, missing, None)

    messages = {message.id: message.msg for message in run_checks(tags=["sequere"])}

    assert {"sequere.E009", "sequere_timeline.E007"} <= set(messages)
    assert all("pip install 'django-sequere[redis]'" in message for message in messages.values())


def test_sequere_e008_redis_cannot_be_rolled_back(settings: Any) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "inline", "timelines": "inline"}

    messages = [message for message in run_checks(tags=["sequere"]) if message.id == "sequere.E008"]

    assert [message.msg.split("'")[1] for message in messages] == ["follows", "timelines"]
    assert all("'on_commit'" in str(message.hint) for message in messages)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"host": "localhost"}, "option host in SEQUERE_BACKEND_OPTIONS is not an option: use cache, client_class"),
        ({"url": "http://localhost"}, "option url in SEQUERE_BACKEND_OPTIONS is refused"),
        ({"options": {"hots": "localhost"}}, "option options in SEQUERE_BACKEND_OPTIONS is refused"),
        ({"client_class": "nowhere.Redis"}, "option client_class in SEQUERE_BACKEND_OPTIONS cannot be imported"),
        ({"client_class": f"{__name__}.no_client", "options": {"db": 1}}, "is refused"),
        (
            {"cache": "default"},
            "option cache in SEQUERE_BACKEND_OPTIONS is 'default', which is not a cache of django-redis",
        ),
        ({"prefix": "a*b:"}, "option prefix in SEQUERE_BACKEND_OPTIONS contains a *"),
        (
            {"cache": "default", "url": "redis://"},
            "option url in SEQUERE_BACKEND_OPTIONS cannot be combined with cache",
        ),
        (["redis://"], "SEQUERE_BACKEND_OPTIONS is a list, which is not a mapping"),
        (None, "SEQUERE_BACKEND_OPTIONS is a NoneType, which is not a mapping"),
    ],
    ids=str,
)
def test_sequere_e009_options(settings: Any, options: Any, reason: str) -> None:
    """No option is ignored."""
    settings.SEQUERE_BACKEND_OPTIONS = options

    (message,) = [message for message in run_checks(tags=["sequere"]) if message.id == "sequere.E009"]

    assert reason in message.msg
    assert message.hint


@pytest.mark.parametrize("special", ["/", "?", "#", "[", ":/", "1#", "1?", "1/"])
@pytest.mark.parametrize("how", ["url", "cache", "mapping"])
def test_no_part_of_a_secret_is_shown(settings: Any, special: str, how: str) -> None:
    url = f"redis://:4711{special}s3cr3t@localhost:6379/0"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "follows": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url},
    }
    options = {"url": {"url": url}, "cache": {"cache": "follows"}, "mapping": url}
    settings.SEQUERE_BACKEND_OPTIONS = options[how]

    (message,) = [message for message in run_checks(tags=["sequere"]) if message.id == "sequere.E009"]

    assert "4711" not in message.msg
    assert "s3cr3t" not in message.msg
    assert how == "mapping" or "urllib.parse.quote" in message.msg


@pytest.mark.parametrize(
    "url",
    ["redis://:4711%2Fs3cr3t@localhost:6379/0", "redis://localhost?password=a@b", "unix://thoas@/run/a@b?db=1"],
)
def test_a_quoted_secret_is_taken(settings: Any, url: str) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = {"url": url}

    assert [message for message in run_checks(tags=["sequere"]) if message.id == "sequere.E009"] == []


def sentinel(**options: Any) -> "redis.Redis":
    """The client class of a host with Sentinel."""
    from redis.sentinel import Sentinel

    return Sentinel([("localhost", 1)], socket_timeout=0.1).master_for("follows-master")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"client_class": sentinel}, "Redis service 'follows-master' of Sentinel"),
        ({"options": {"host": "redis.internal", "port": 1}}, "Redis at redis.internal:1"),
        ({"options": {"unix_socket_path": "/nowhere"}}, "Redis at /nowhere"),
    ],
)
def test_errors_name_what_the_host_has_named(settings: Any, options: dict[str, Any], name: str, thoas: User) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = options

    with pytest.raises(BackendUnavailable, match=re.escape(name)):
        get_followers_count(thoas)

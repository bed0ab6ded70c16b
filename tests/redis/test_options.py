"""SEQUERE_BACKEND_OPTIONS: how the server is reached, and what is said about an option that is wrong."""

import sys
from typing import Any

import pytest
import redis
from django.core.checks import run_checks

from sequere.backends.base import get_backend
from sequere.backends.redis.connection import Connection
from sequere.exceptions import InvalidBackendOption
from sequere.models import follow, get_followers, get_followers_count, get_friends, is_following, is_following_many
from sequere.testing.contracts.base import follower_pages
from tests.testapp.models import Project, User


class Recorded(redis.Redis):
    """A class of clients of a host."""


def no_client() -> None:
    """What is callable, and no class of clients."""


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
    settings: Any, server: Any, socket: str, thoas: User, newbie: User, project: Project, options: dict[str, Any]
) -> None:
    """R14, R21: a client without decode_responses broke every list."""
    settings.CACHES = {
        "follows": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": server.url},
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    options = {name: server.url if name == "url" else value for name, value in options.items()}
    if options.get("options", {}).get("unix_socket_path"):
        options["options"] = options["options"] | {"unix_socket_path": socket}
    settings.SEQUERE_BACKEND_OPTIONS = options

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


def test_sequere_e009_creating_a_backend_reaches_for_nothing(settings: Any) -> None:
    settings.SEQUERE_BACKEND_OPTIONS = {"url": "redis://nowhere.invalid:1/0"}

    assert get_backend()
    assert run_checks(tags=["sequere"]) == []


def test_a_backend_without_redis_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no check has run, as in a shell."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InvalidBackendOption, match=r"pip install 'django-sequere\[redis\]'"):
        Connection("SEQUERE_BACKEND_OPTIONS", {}, "sequere:").run([("PING",)])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"host": "localhost"}, "option host in SEQUERE_BACKEND_OPTIONS is no option: use cache, client_class"),
        ({"url": "http://localhost"}, "option url in SEQUERE_BACKEND_OPTIONS is refused"),
        ({"options": {"hots": "localhost"}}, "option options in SEQUERE_BACKEND_OPTIONS is refused"),
        ({"client_class": "nowhere.Redis"}, "option client_class in SEQUERE_BACKEND_OPTIONS cannot be imported"),
        ({"client_class": f"{__name__}.no_client", "options": {"db": 1}}, "is refused"),
        (
            {"cache": "default"},
            "option cache in SEQUERE_BACKEND_OPTIONS is 'default', which is no cache of django-redis",
        ),
        ({"prefix": "a*b:"}, "option prefix in SEQUERE_BACKEND_OPTIONS has a * in it"),
        ({"cache": "default", "url": "redis://"}, "option url in SEQUERE_BACKEND_OPTIONS does not go with cache"),
        (["redis://"], "SEQUERE_BACKEND_OPTIONS is ['redis://'], which is no mapping"),
        (None, "SEQUERE_BACKEND_OPTIONS is None, which is no mapping"),
    ],
    ids=str,
)
def test_sequere_e009_options(settings: Any, options: Any, reason: str) -> None:
    """R14, R15: options that were ignored."""
    settings.SEQUERE_BACKEND_OPTIONS = options

    (message,) = [message for message in run_checks(tags=["sequere"]) if message.id == "sequere.E009"]

    assert reason in message.msg
    assert message.hint

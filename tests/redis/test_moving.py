"""docs/moving.md, on the keys of django-sequere 0.4."""

from typing import Any
from uuid import uuid4

import pytest

from sequere.models import follow_many, get_followings, unfollow
from tests.docs.pages import blocks, page
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


def leave_behind(
    client: Any, prefix: str, resources: dict[str, tuple[str, Any]], follows: list[tuple[Any, ...]]
) -> None:
    """The keys of follows (uid, uid, timestamp) as RedisBackend.follow() of 0.4.1 writes them. Unlike its
    documentation, the uids are those of uuid4(), and their hashes have only one colon."""
    for uid, (identifier, object_id) in resources.items():
        client.hset(f"{prefix}uid:{uid}", mapping={"identifier": identifier, "object_id": object_id, "uid": uid})
        client.set(":".join(filter(None, [f"{prefix}uid", identifier, str(object_id)])), uid)
    for follower, followed, timestamp in follows:
        for key in (
            f"{follower}:followings",
            f"{follower}:followings:{resources.get(followed, ('user',))[0]}",
            f"{followed}:followers",
            f"{followed}:followers:{resources[follower][0]}",
        ):
            client.zadd(f"{prefix}uid:{key}", {followed if "followings" in key else follower: timestamp})
            client.incr(f"{prefix}uid:{key}:count")


@pytest.mark.parametrize("options", [{}, {"prefix": "used::"}], ids=["sequere", "used:"])
def test_the_follows_of_django_sequere_can_be_read_from_its_redis_backend(
    client: Any, thoas: User, newbie: User, project: Project, settings: Any, options: dict[str, str]
) -> None:
    """Among its keys are some of unsaved and of deleted instances, and of a second uid."""
    settings.SEQUERE_BACKEND_OPTIONS = {**settings.SEQUERE_BACKEND_OPTIONS, "prefix": "new:"}
    a, b, c, unsaved, again, gone = (uuid4().hex for _ in range(6))
    leave_behind(
        client,
        options.get("prefix", "sequere:"),
        {
            a: ("user", thoas.pk),
            b: ("user", newbie.pk),
            c: ("project", project.pk),
            unsaved: ("user", ""),
            again: ("user", thoas.pk),
        },
        [(a, b, 30), (a, c, 10), (a, unsaved, 5), (a, gone, 6), (b, a, 20), (unsaved, a, 7), (again, a, 8)],
    )
    (module,) = (block.text for block in blocks(page("moving.md")) if block.path == "community/old_redis.py")
    names: dict[str, Any] = {}
    exec(module, names)  # the module of the page

    new = follow_many(names["old_follows"](client, **options), again=False)
    unfollow(thoas, newbie)
    once_more = follow_many(names["old_follows"](client, **options), again=False)

    assert (new, once_more) == (3, 0)
    shown = [(one, since.timestamp()) for user in (thoas, newbie) for one, since in get_followings(user)]
    assert shown == [(project, 10), (thoas, 20)]

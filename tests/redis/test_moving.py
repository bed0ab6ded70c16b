"""What docs/moving.md says of the keys that django-sequere 0.4 has left."""

from typing import Any

import pytest

from sequere.models import follow_many, get_followings, unfollow
from tests.docs.pages import blocks, page
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


def test_the_follows_of_django_sequere_can_be_read_from_its_redis_backend(
    client: Any, thoas: User, newbie: User, project: Project
) -> None:
    """R6, R9: among its keys are some of unsaved instances, and follows of what is gone."""
    resources = [("user", thoas.pk), ("user", newbie.pk), ("project", project.pk), ("user", "")]
    for uid, (identifier, object_id) in enumerate(resources, 1):
        client.hset(f"old:uid::{uid}", mapping={"identifier": identifier, "object_id": object_id})
    for uid, followings in {1: {2: 30, 3: 10, 4: 5, 99: 6}, 2: {1: 20}, 4: {1: 7}}.items():
        client.zadd(f"old:uid:{uid}:followings", followings)
        client.zadd(f"old:uid:{uid}:followings:user", followings)
    (module,) = (block.text for block in blocks(page("moving.md")) if block.path == "community/old_redis.py")
    names: dict[str, Any] = {}
    exec(module, names)  # the module of the page

    new = follow_many(names["old_follows"](client, prefix="old:"), again=False)
    unfollow(thoas, newbie)
    again = follow_many(names["old_follows"](client, prefix="old:"), again=False)

    assert (new, again) == (3, 0)
    shown = [(one, since.timestamp()) for user in (thoas, newbie) for one, since in get_followings(user)]
    assert shown == [(project, 10), (thoas, 20)]

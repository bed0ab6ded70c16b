"""The data that a test leaves in Redis is gone when the next one begins."""

import pytest
import redis

from sequere.contrib.timeline import Timeline
from sequere.models import follow
from sequere.testing import isolated
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db

#: They keep numbers from being given twice, and hold no data of anybody.
COUNTERS = {f"sequere:{name}" for name in ("global:uid", "global:token", "timeline:global:token")}


def test_a_test_leaves_nothing_in_redis(client: "redis.Redis", thoas: User, newbie: User) -> None:
    with isolated():
        follow(newbie, thoas)
        Timeline(thoas).save(JoinAction(actor=thoas))
        during = {*client.scan_iter()}

    assert f"sequere:uid:user:{thoas.pk}" in during
    assert {*client.scan_iter()} <= COUNTERS


def test_a_test_that_records_nothing_costs_nothing(client: "redis.Redis", thoas: User) -> None:
    client.set("sequere:uid:user:1", 1)

    with isolated():
        Timeline(thoas)

    assert {*client.scan_iter()} == {"sequere:uid:user:1"}

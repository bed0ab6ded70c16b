"""Redis is stopped and started during writes: nothing is lost or duplicated."""

import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from sequere.contrib.timeline import Timeline
from sequere.models import QueuedEvent, follow, unfollow
from sequere.outbox.drain import drain_all
from sequere.replay.rebuilding import rebuild
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[True, False], ids=["what it had is on the disk", "it comes back empty"])
def flaky(request: pytest.FixtureRequest, in_redis: None, settings: Any) -> Iterator[Valkey]:
    try:
        with own_valkey(durable=request.param) as server:
            settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": server.url}
            yield server
    except ServerUnavailable as error:
        pytest.skip(str(error))


def test_redis_is_stopped_and_started_during_writes(flaky: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    everybody = User.objects.bulk_create(UserFactory.build_batch(5))
    number = rounds(16, 4)  # every fourth one starts what was stopped

    def change(seed: int) -> Any:
        random = Random(seed)

        def in_round(_: int) -> None:
            one, other = random.sample(everybody, 2)
            random.choice([follow, follow, unfollow])(one, other)
            Timeline(one).save(JoinAction(actor=one))

        return in_round

    def stop_and_start(round_: int) -> None:
        if round_ % 4 == 1:
            flaky.stop()
        elif round_ % 4 == 3:
            flaky.start()

    with caplog.at_level(logging.WARNING, "sequere"):
        in_rounds(number, change(1), change(2), stop_and_start)
    waited = QueuedEvent.objects.count()
    drain_all(using="default")
    for name in ("follows", "timelines"):
        rebuild(name)

    assert not QueuedEvent.objects.exists()
    assert differences() == []
    told = [record.getMessage() for record in caplog.records]
    # Once per outage, and again if a pending answer arrives after the outage was logged.
    assert sum("cannot be used" in message for message in told) <= number // 2
    assert any("can be used again" in message for message in told) or waited

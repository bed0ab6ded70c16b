"""The backends keep their contracts when another process applies the events."""

from typing import TYPE_CHECKING, Any

import pytest
from django.db import router, transaction
from django.test import TransactionTestCase

from sequere.log.models import Event
from sequere.models import wait_for_projections
from sequere.signals import events_recorded
from sequere.testing.contracts import FollowsContract
from sequere_timeline.testing.contracts import TimelinesContract
from tests.contracts.instances import Instances

if TYPE_CHECKING:
    _TestCase = TransactionTestCase
else:
    _TestCase = object


@pytest.mark.usefixtures("worker")
class Patient(_TestCase):
    """Every call that records waits until the worker has applied the events."""

    def setUp(self) -> None:
        events_recorded.connect(self._wait_after_commit)
        self.addCleanup(events_recorded.disconnect, self._wait_after_commit)
        super().setUp()

    def _wait_after_commit(self, **_: Any) -> None:
        transaction.on_commit(self._wait, using=router.db_for_write(Event))

    def _wait(self) -> None:
        wait_for_projections(timeout=60)


class TestFollows(Patient, Instances, FollowsContract, TransactionTestCase):
    pass


class TestTimelines(Patient, Instances, TimelinesContract, TransactionTestCase):
    pass

"""Helpers for the tests of host projects. They also work in Django's TestCase, which never commits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connections, router

from sequere.log.models import Event
from sequere.outbox.drain import drain_all
from sequere.projections.registry import is_queued, projections, read_models
from sequere.signals import events_recorded
from sequere.testing.events import assert_records, recorded_events
from sequere.testing.scenarios import given

__all__ = ["IsolatedMixin", "assert_records", "drain", "draining", "given", "isolated", "recorded_events"]

if TYPE_CHECKING:
    from django.test import TransactionTestCase as _TestCase
else:
    _TestCase = object  # the mixin works with any test case


def drain() -> int:
    """Apply the pending events of the outbox, even inside a transaction; returns the number of applied events."""
    return drain_all(using=router.db_for_write(Event))


@contextmanager
def draining() -> Iterator[None]:
    """In this block, every call applies its events at once, as its commit would."""

    def drain_now(**_: Any) -> None:
        drain()

    events_recorded.connect(drain_now)
    try:
        yield
    finally:
        events_recorded.disconnect(drain_now)


@contextmanager
def isolated(*, drained: bool = True) -> Iterator[None]:
    """Around a test: it sees the effects of a commit at once, and leaves none of them to the next test.

    In the transaction of a TestCase, which never commits, events recorded by the test and by `setUpTestData()` are
    applied at once, unless `drained` is False. Read models outside the database, such as those in Redis, are emptied
    afterwards if anything was recorded, since a rollback does not reach them.
    """

    recorded = 0

    def apply_at_once(events: Sequence[Event] = (), **_: Any) -> None:
        nonlocal recorded
        recorded += len(events)
        if drained and _never_commits() and any(map(is_queued, projections())):
            recorded += drain()

    apply_at_once()
    events_recorded.connect(apply_at_once)
    try:
        yield
    finally:
        events_recorded.disconnect(apply_at_once)
        if recorded:
            _empty_other_read_models()


class IsolatedMixin(_TestCase):
    """For a TestCase, TransactionTestCase or LiveServerTestCase: runs each test in `isolated()`."""

    def setUp(self) -> None:
        super().setUp()
        self.enterContext(isolated())


def _never_commits() -> bool:
    """Whether the transaction belongs to a TestCase; pytest-django's `db` uses one."""
    blocks = connections[router.db_for_write(Event)].atomic_blocks
    return bool(blocks) and getattr(blocks[0], "_from_testcase", False)


def _empty_other_read_models() -> None:
    using = router.db_for_write(Event)
    for read_model in read_models().values():
        if not read_model.projector.is_transactional:
            read_model.reset(using)

"""The base of all contracts."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

from django.db import models, router, transaction

from sequere.backends.base import BaseBackend
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.outbox.drain import drain_all
from sequere.outbox.models import QueuedEvent
from sequere.projections.registry import BUILT_IN, inline_projectors, read_models
from sequere.registry import registry
from sequere.replay.verifying import verify
from sequere.signals import events_recorded
from sequere.testing import IsolatedMixin

if TYPE_CHECKING:
    from django.test import TestCase as _TestCase
else:
    _TestCase = object

START = datetime(2013, 10, 25, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


class Contract(IsolatedMixin, _TestCase):
    """A mixin for a TestCase. Each test begins with empty read models, two users, and a project.

    "Users" and "projects" are instances of any two registered models with primary keys of the same type.
    """

    def create_user(self) -> models.Model:
        """A saved instance of a registered model."""
        raise NotImplementedError

    def create_project(self) -> models.Model:
        """A saved instance of another registered model."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.using = router.db_for_write(Event)
        for read_model in read_models().values():
            read_model.reset(self.using)
        self.thoas, self.newbie = self.create_users(2)
        self.project = self.create_project()
        self.user_kind, self.project_kind = (key_of(one).identifier for one in (self.thoas, self.project))

    def create_users(self, number: int) -> list[models.Model]:
        return [self.create_user() for _ in range(number)]

    # Changes of an instance

    def hide(self, instance: models.Model) -> None:
        """Delete it without signals, so that lists contain it but cannot show it."""
        type(instance)._base_manager.filter(pk=instance.pk)._raw_delete(using=instance._state.db)

    def delete(self, instance: models.Model) -> ResourceKey:
        """Delete it, and return the key that it had."""
        key = key_of(instance)
        instance.delete()
        return key

    def create_again(self, instance: models.Model) -> models.Model:
        """Delete it, and save a new one with the same key."""
        again = copy(instance)
        instance.delete()
        again.save(force_insert=True)
        return again

    # Faults of events

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Events recorded in this block stay in the log, but no projection gets them."""
        receivers, events_recorded.receivers = events_recorded.receivers, []
        log = Event.objects.using(self.using)
        last = log.aggregate(last=models.Max("pk"))["last"] or 0
        try:
            with transaction.atomic(using=self.using), ExitStack() as patches:
                for projector in inline_projectors():  # a function would apply them in the same call
                    patches.enter_context(patch.object(projector, "relations_function", lambda *of: None))
                yield
                # The call that records them queues them as well; no worker may see that.
                QueuedEvent.objects.using(self.using).filter(event_id__gt=last).delete()
        finally:
            events_recorded.receivers = receivers

    def apply_again(self, events: Iterable[Event | None]) -> None:
        """Apply the events from the outbox, even if they were applied before."""
        QueuedEvent.objects.using(self.using).bulk_create(
            QueuedEvent(queue=BUILT_IN, event=event, shard=0, stream=event.stream) for event in events if event
        )
        drain_all(using=self.using)
        left = QueuedEvent.objects.using(self.using).values_list("event_id", "error", "traceback")
        self.assertEqual(list(left), [], "no event fails")

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Everything recorded in this block is rolled back."""
        with transaction.atomic(using=self.using):
            yield
            transaction.set_rollback(True, using=self.using)

    # The state of a read model

    def differences(self, projection: str) -> list[str]:
        """The differences between the read model of a projection and the log."""
        found: list[str] = []
        verify(projection, on_difference=lambda difference: found.append(str(difference)))
        return found


def key_of(instance: models.Model | ResourceKey) -> ResourceKey:
    return registry.key_of(instance)


def follower_pages(backend: BaseBackend, of: models.Model | ResourceKey) -> list[list[str]]:
    """The names of all followers, in the pages that projectors read."""
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor is not None:
        page = backend.follower_page(key_of(of), cursor)
        pages.append([*page.names])
        cursor = page.next
    return pages

"""Applying what an entry has recorded, wherever the read models are."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import redis
from django.conf import settings

from sequere.outbox.models import QueuedEvent
from sequere.projections.registry import queued_projections
from sequere.testing import draining


class NotApplied(Exception):
    """Something was recorded that cannot be applied."""


def applied() -> AbstractContextManager[None]:
    """In this block, what is recorded is applied at once, and afterwards the read models are as before: a rollback does
    not reach Redis. Raises NotApplied."""
    return _applied() if queued_projections() else nullcontext()


@contextmanager
def _applied() -> Iterator[None]:
    options = settings.SEQUERE_BACKEND_OPTIONS
    with redis.Redis.from_url(options["url"]) as client:
        before = {key: client.dump(key) for key in client.scan_iter(f"{options['prefix']}*", count=1000)}
        try:
            with draining():
                yield
            for failed in QueuedEvent.objects.failed()[:1]:
                raise NotApplied(failed.error)
        finally:
            with client.pipeline(transaction=False) as pipeline:
                for key in client.scan_iter(f"{options['prefix']}*", count=1000):
                    if key not in before:
                        pipeline.unlink(key)
                for key, value in before.items():
                    pipeline.restore(key, 0, value, replace=True)
                pipeline.execute()

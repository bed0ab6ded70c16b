"""Events that are kept after they were applied, for projections whose server may come back with an older state.

Each drain notes what it has applied, in its transaction, so that the note is there once the server has everything. A
checkpoint gathers these notes under a token that the server draws and remembers: a server that remembers this token, or
a later one, has these events. If it comes back with an earlier one, the others are applied again.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate

from django.db import models

from sequere.outbox.models import KeptEvents
from sequere.outbox.queues import names_in
from sequere.projections.registry import projection
from sequere.sql.rows import Insert

#: A checkpoint is made whenever an event is applied whose id can be divided by this.
EVENTS_PER_CHECKPOINT = 128
#: How many events of a projection are kept.
EVENTS_KEPT = 10_000

#: Ids that are no farther apart are in one range: to apply an event again that is between them does no harm.
CLOSE = 10

_KEEP = Insert(KeptEvents, ("projection", "ranges", "number"))

#: The first and the last of some ids.
Range = list[int]


def keepers(queue: str) -> list[str]:
    """The projections of a queue that keep what they have applied."""
    return [name for name in names_in(queue) if projection(name).may_come_back_older]


def keep(queue: str, event_ids: Collection[int], using: str) -> None:
    """Keep events that are applied in this transaction. 1 statement, none if no projection of the queue keeps them."""
    if names := keepers(queue):
        ranges = as_ranges([event_id, event_id] for event_id in event_ids)
        _KEEP.rows([(name, ranges, len(event_ids)) for name in names], using)


def as_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Ranges of ids as fewer ones, in their order."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first - found[-1][1] <= CLOSE:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return found


def is_checkpoint(event_ids: Iterable[int]) -> bool:
    """Whether a checkpoint is due once these events are applied."""
    return any(event_id % EVENTS_PER_CHECKPOINT == 0 for event_id in event_ids)


def since_last_checkpoint(name: str, using: str) -> list[KeptEvents]:
    """What was applied since the last checkpoint of a projection, as far as it is committed; locked. 1 query."""
    rows = KeptEvents.objects.using(using).filter(projection=name, token=None)
    return list(rows.select_for_update(skip_locked=True))


def is_too_much(rows: Iterable[KeptEvents]) -> bool:
    """Whether more was applied than is kept."""
    return sum(row.number for row in rows) > EVENTS_KEPT


def drop(rows: Sequence[KeptEvents], using: str) -> None:
    """Forget what was applied. 1 statement, none for no rows."""
    if rows:
        KeptEvents.objects.using(using).filter(pk__in=[row.pk for row in rows]).delete()


def put_under(token: int, rows: Sequence[KeptEvents], using: str) -> None:
    """Put what was applied before a token was drawn under this token, and drop what is too old. 3 statements, or 4."""
    if not rows:
        return
    kept = KeptEvents.objects.using(using)
    name = rows[0].projection
    drop(rows, using)
    ranges = as_ranges(range_ for row in rows for range_ in row.ranges)
    kept.create(projection=name, ranges=ranges, number=sum(row.number for row in rows), token=token)
    checkpoints = kept.filter(projection=name).exclude(token=None)
    in_order = list(checkpoints.order_by("-token").values_list("token", "number"))
    if len(in_order) == 1:  # the first one: nothing was dropped before it
        start_anew(name, 0, using)
    sums = accumulate(number for _, number in in_order)
    for (last, _), number in zip(in_order, sums, strict=True):
        if number > EVENTS_KEPT:
            checkpoints.filter(token__lt=last).delete()
            break


def start_anew(name: str, token: int, using: str) -> None:
    """A server that does not remember this token is too old for whatever is kept. 2 statements."""
    kept = KeptEvents.objects.using(using)
    kept.filter(projection=name, token__lte=token).delete()
    kept.create(projection=name, ranges=[], number=0, token=token)


def take_since(name: str, token: int, using: str) -> list[Range] | None:
    """Take what a server lacks that remembers this token, or None if some of it is not kept any more. 3 statements."""
    kept = KeptEvents.objects.using(using).filter(projection=name)
    oldest = kept.aggregate(oldest=models.Min("token"))["oldest"]
    if oldest is not None and token < oldest:
        return None
    later = kept.filter(models.Q(token=None) | models.Q(token__gt=token))
    ranges = as_ranges(range_ for ranges in later.values_list("ranges", flat=True) for range_ in ranges)
    later.delete()
    return ranges

"""The queues of the outbox: in each, events wait for some projections together. A queue is divided into shards."""

from sequere import conf
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.streams import lifecycle
from sequere.outbox.models import BUILT_IN, FAN_OUT
from sequere.projections.projector import Projector
from sequere.projections.registry import BUILT_IN_PROJECTIONS, mode_of, projection, projections

#: The projection that the fan-outs belong to.
FANNED_OUT = BUILT_IN_PROJECTIONS[-1]
#: Workers that can apply the events of the built-in projections at the same time.
SHARDS = 64


def queue_of(name: str) -> str:
    """The queue that the events of a projection are put in."""
    return BUILT_IN if name in BUILT_IN_PROJECTIONS else name


def queues_of(name: str) -> list[str]:
    """All queues in which events of a projection may wait."""
    return [queue_of(name), *([FAN_OUT] if name == FANNED_OUT else [])]


def known_queues() -> list[str]:
    """All queues, in the order in which they are drained. The fan-outs come last, since the others leave them."""
    names = dict.fromkeys(queue for name in projections() for queue in queues_of(name))
    return sorted(names, key=FAN_OUT.__eq__)


def projectors_of(queue: str) -> list[Projector]:
    """The projectors that apply the events of a queue, in their order. Raises UnknownProjection."""
    if queue == FAN_OUT:
        return [projection(FANNED_OUT)]
    if queue != BUILT_IN:
        return [projection(queue)]
    # Those that are inline now, too: events that were queued before that are not lost, and twice does no harm.
    return [projector for name, projector in projections().items() if name in BUILT_IN_PROJECTIONS]


def is_for_celery(queue: str) -> bool:
    """Whether the Celery workers drain a queue: if one of its projections is in mode celery, and none in on_commit."""
    modes = {mode_of(name) for name in projections() if queue in queues_of(name)}
    return conf.CELERY in modes and conf.ON_COMMIT not in modes


def shard_of(queue: str, event: Event) -> int:
    """The shard of a queue that an event waits in. A projector of the host gets all events in the order of the log, not
    only those of one subject, so its queue has one shard."""
    return shard_around(event.subject) if queue == BUILT_IN else 0


def shard_around(subject: ResourceKey) -> int:
    """The shard for everything that concerns the audience of a resource."""
    return lifecycle(subject).int % SHARDS

"""The queues of the outbox: in each, events wait for some projections together. A queue is divided into shards."""

from functools import lru_cache

from sequere import conf
from sequere.base import ResourceKey
from sequere.exceptions import UnknownProjection
from sequere.log.models import Event
from sequere.log.streams import lifecycle
from sequere.projections.projector import Projector
from sequere.projections.registry import mode_of, projection, projections

#: What the queue of the fan-outs of a projection is called, behind the name of the projection.
_FAN_OUT = ":fan-out"
#: What the queue is called in which relations pause and go on for the projections of a queue, behind its name.
_PAUSES = ":pauses"


def queue_of(name: str) -> str:
    """The queue that the events of a projection are put in."""
    return projection(name).queue or name


def fan_out_queue_of(name: str) -> str:
    """The queue in which the fan-outs of a projection wait for their next step."""
    return name + _FAN_OUT


def pause_queue_of(queue: str) -> str:
    """The queue in which relations pause and go on, step by step, for the projections that share a queue."""
    return queue + _PAUSES


def has_pauses(queue: str) -> bool:
    """Whether relations pause and go on in a queue."""
    return queue.endswith(_PAUSES)


def is_fan_out(queue: str) -> bool:
    """Whether the events of a queue are applied step by step."""
    return queue.endswith((_FAN_OUT, _PAUSES))


def queues_of(name: str) -> list[str]:
    """All queues in which events of a projection may wait."""
    return [queue_of(name), *fan_out_queues_of(name)]


def fan_out_queues_of(name: str) -> list[str]:
    """Those of them in which they are applied step by step."""
    one = projection(name)
    own = [fan_out_queue_of(name)] if one.fans_out else []
    return [*own, pause_queue_of(queue_of(name))] if one.has_pauses else own


def former_queues_of(name: str) -> list[str]:
    """The queues that a projection may have had, if it is no longer known."""
    return [name, fan_out_queue_of(name), pause_queue_of(name)]


def known_queues() -> list[str]:
    """All queues, in the order in which they are drained. The fan-outs come last, since the others leave them."""
    names = dict.fromkeys(queue for name in projections() for queue in queues_of(name))
    return sorted(names, key=is_fan_out)


def projectors_of(queue: str) -> list[Projector]:
    """The projectors that apply the events of a queue, in their order. Raises UnknownProjection.

    Those that are inline now, too: events that were queued before that are not lost, and twice does no harm.
    """
    found = [projection(name) for name in names_in(queue)]
    if not found:
        raise UnknownProjection(name=queue, known=", ".join(known_queues()))
    return found


def names_in(queue: str) -> list[str]:
    """The projections whose events wait in a queue."""
    return [name for name in projections() if queue in queues_of(name)]


def is_for_celery(queue: str) -> bool:
    """Whether the Celery workers drain a queue: if one of its projections is in mode celery, and none in on_commit."""
    modes = {mode_of(name) for name in names_in(queue)}
    return conf.CELERY in modes and conf.ON_COMMIT not in modes


def shards_of(queue: str) -> int:
    """How many shards a queue has: so many processes can drain it at the same time."""
    return max(projector.shards for projector in projectors_of(queue))


def shard_of(queue: str, event: Event) -> int:
    """The shard of a queue that an event waits in."""
    return shard_around(event.subject, shards_of(queue))


@lru_cache(4096)
def shard_around(subject: ResourceKey, shards: int) -> int:
    """The shard of everything that concerns the audience of a resource. In one shard, all events are in the order of
    the log; in several, those around one subject."""
    return lifecycle(subject).int % shards if shards > 1 else 0

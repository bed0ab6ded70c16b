"""The pipelines: queues of the outbox, in each of which events wait for some projections together."""

from sequere import conf
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.streams import lifecycle
from sequere.outbox.models import BUILT_IN, FAN_OUT
from sequere.projections.projector import Projector
from sequere.projections.registry import PIPELINE, mode_of, projection, projections

#: The projection that the fan-outs belong to.
FANNED_OUT = PIPELINE[-1]
#: Workers that can apply the events of the built-in projections at the same time.
SHARDS = 64


def pipeline_of(name: str) -> str:
    """Where the events of a projection wait at first."""
    return BUILT_IN if name in PIPELINE else name


def pipelines_of(name: str) -> list[str]:
    """All the places where the events of a projection may wait."""
    return [pipeline_of(name), *([FAN_OUT] if name == FANNED_OUT else [])]


def known_pipelines() -> list[str]:
    """All of them, in the order in which they are drained: the fan-outs, which others leave, are the last ones."""
    names = dict.fromkeys(pipeline for name in projections() for pipeline in pipelines_of(name))
    return sorted(names, key=FAN_OUT.__eq__)


def projectors_of(pipeline: str) -> list[Projector]:
    """The projectors that a pipeline applies, in their order. Raises UnknownProjection."""
    if pipeline == FAN_OUT:
        return [projection(FANNED_OUT)]
    if pipeline != BUILT_IN:
        return [projection(pipeline)]
    # Also those that are inline by now: what was queued before they were is not lost, and twice does no harm.
    return [projector for name, projector in projections().items() if name in PIPELINE]


def is_for_celery(pipeline: str) -> bool:
    """Whether the workers of Celery shall drain a pipeline: if none of its projections wants it done at once."""
    modes = {mode_of(name) for name in projections() if pipeline in pipelines_of(name)}
    return conf.CELERY in modes and conf.ON_COMMIT not in modes


def shard_of(pipeline: str, event: Event) -> int:
    """The part of a pipeline that an event waits in. A projector of the host gets all events in the order of the log,
    and not only those of one subject."""
    return shard_around(event.subject) if pipeline == BUILT_IN else 0


def shard_around(subject: ResourceKey) -> int:
    """Where all waits that concerns the audience of a resource."""
    return lifecycle(subject).int % SHARDS

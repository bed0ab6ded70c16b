"""The doorway: the tables for Django, the verbs for everybody else. Nobody inside imports this module."""

from sequere import api
from sequere.api import *  # noqa: F403  # what its __all__ names
from sequere.log.identity import Log
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.numbers import Feed, GraphNumber, Name
from sequere.outbox.models import KeptEvents, QueuedEvent, Shard
from sequere.outbox.waiting import await_for_projections, wait_for_projections
from sequere.projections.models import Projection
from sequere.redis.servers import KnownServer
from sequere.replay.models import Rebuild, Slice

__all__ = [
    "Event",
    "Feed",
    "GraphNumber",
    "KeptEvents",
    "KnownServer",
    "Log",
    "Name",
    "Projection",
    "QueuedEvent",
    "Rebuild",
    "Resource",
    "Shard",
    "Slice",
    "await_for_projections",
    "wait_for_projections",
]
__all__ += api.__all__

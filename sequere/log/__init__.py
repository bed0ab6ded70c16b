"""The log: what happened, in the order in which it happened, for ever. What hosts call is here."""

from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import History
from sequere.log.recording import Intent, Outcome, record
from sequere.log.streams import lifecycle, stream_of

__all__ = ["Event", "EventQuerySet", "History", "Intent", "Outcome", "lifecycle", "record", "stream_of"]

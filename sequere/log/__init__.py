"""The log: what happened, in the order in which it happened, for ever. What hosts call is here."""

from sequere.log.models import Event, EventQuerySet
from sequere.log.recording import Intent, Outcome, record
from sequere.log.streams import lifecycle, relation, stream_of

__all__ = ["Event", "EventQuerySet", "Intent", "Outcome", "lifecycle", "record", "relation", "stream_of"]

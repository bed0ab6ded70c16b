"""Keeps the follows and their counts equal to the log."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connections

from sequere.backends.database.counts import COUNTS, forget_empty
from sequere.backends.database.follows import ORPHANED_FOLLOWS, RECORDED_FOLLOWS
from sequere.backends.database.statements import FollowStatements
from sequere.log.models import Event
from sequere.projections.projector import LevelTriggeredProjector
from sequere.relations.intents import DELETED
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere.sql.rows import fields_of, given


class FollowsProjector(LevelTriggeredProjector):
    """Follows and counts, in the transaction of the log."""

    reconcilers = (RECORDED_FOLLOWS, ORPHANED_FOLLOWS, COUNTS)

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the follows of `events` what the log says: 1 statement, 3 on SQLite."""
        opposites: dict[UUID, UUID] = {}
        deleted = []
        for event in events:
            if event.type in {FOLLOWED, UNFOLLOWED}:
                opposite = RelationKey.of_event(event).opposite.stream
                if opposite not in opposites:
                    opposites[event.stream] = opposite
            elif event.type == DELETED:
                deleted.append(event.actor)
        if opposites:
            streams = given(connections[using], fields_of(Event, ("stream", "stream")), opposites.items())
            FollowStatements(streams, using, both=True).write()
        if deleted:
            forget_empty(deleted, using)

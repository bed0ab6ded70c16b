"""A projector of the host in a process of its own."""

import os
from collections.abc import Iterable

from sequere.log.models import Event
from sequere.projections.projector import Projector
from tests.testapp.models import Stranger


class GuestBook(Projector):
    """Writes every event into a table, and refuses the actor that the environment names."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if str(event.actor) == os.environ.get("TESTS_REFUSED"):
                raise PermissionError(f"not {event.actor}")
            Stranger.objects.using(using).create(name=str(event.pk))

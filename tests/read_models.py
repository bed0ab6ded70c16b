"""The read models of the tests, whichever backend keeps them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from sequere.backends.base import get_backend as follows
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere_timeline.backends.base import get_backend as timelines
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState

ARE_IN_THE_DATABASE = os.environ.get("TESTS_BACKEND", "database") == "database"


def empty_read_models() -> None:
    """Lose all follows and timelines, as an accident would."""
    if ARE_IN_THE_DATABASE:
        for model in (LiveRelation, RelationCount, Entry, SavedAction, TimelineState):
            model._default_manager.all().delete()
    else:
        for backend in (follows(), timelines()):
            backend.reset("default")


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that is rolled back, with read models that go with it in any backend."""
    with transaction.atomic():
        empty_read_models()
        yield
        transaction.set_rollback(True)

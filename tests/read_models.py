"""The read models of the tests, whichever backend keeps them."""

import os

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

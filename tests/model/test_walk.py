"""A random walk with damages, older states and restarts.

The long form: `TESTS_OPERATIONS=10000 python -m tests --only sqlite tests/model/test_walk.py`, and with `--only
postgresql`; in Redis, `--only redis tests/redis/test_walk.py`. `TESTS_SEED=2` takes another walk.
"""

from random import Random
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from tests.model.walk import OPERATIONS, walk

MODELS: tuple[type[models.Model], ...] = (LiveRelation, RelationCount, SavedAction, Entry, TimelineState)


class Tables:
    """Read models in the database."""

    def snapshot(self) -> Any:
        return {model: list(model._default_manager.values()) for model in MODELS}

    def restore(self, snapshot: Any) -> None:
        for model, rows in snapshot.items():
            model._default_manager.all().delete()
            model._default_manager.bulk_create(model(**row) for row in rows)

    def damage(self, random: Random) -> str:
        model = random.choice(MODELS)
        rows = list(model._default_manager.values())
        if not rows:
            return "nothing"
        row = random.choice(rows)
        how = random.choice(["lose", "alter", "duplicate"])
        changed = {**row, **_altered(model, row, random)}
        try:
            with transaction.atomic():
                if how != "duplicate":
                    model._default_manager.filter(**row).delete()
                if how != "lose":
                    model._default_manager.bulk_create([model(**changed)])
        except IntegrityError:  # the database refuses it
            return "nothing"
        return f"{how} {model.__name__} {row} {changed if how != 'lose' else ''}"

    def restart(self) -> None:
        """The server of the log goes on: a test has it to itself only in part."""


def _altered(model: type[models.Model], row: dict[str, Any], random: Random) -> dict[str, Any]:
    """Another value in one column."""
    name = random.choice([*row])
    value = row[name]
    if isinstance(value, bool):
        return {name: not value}
    if isinstance(value, int):
        return {name: value + random.choice([-1, 1, 1000])}
    if hasattr(value, "year"):
        return {name: value.replace(microsecond=(value.microsecond + 1) % 10**6)}
    if isinstance(value, str):
        return {name: f"x{value}"[:100]}
    return {}


@pytest.mark.inline
@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_walk_with_damages_gives_the_answers_of_the_plain_dicts() -> None:
    assert walk(Tables()).total() == OPERATIONS

"""The sequences from which the database hands out ids and uids.

A logical replica has the rows, and not what the sequences of the other server had handed out.
"""

from typing import Any

from django.apps import apps
from django.db import connections, models

from sequere.log.locks import Resource
from sequere.log.numbers import Feed
from sequere.sql.dialects import dialect


def sequences_behind(using: str) -> dict[type[models.Model], int]:
    """The models whose next number is taken, with the highest number that is. 2 queries for each model that has a
    sequence; none where the tables are missing."""
    connection = connections[using]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found = {}
        for model in apps.get_app_config("sequere").get_models():
            if not isinstance(model._meta.pk, models.AutoField) or model._meta.db_table not in tables:
                continue
            # Before the sequence is asked: whatever is committed then, it has handed out.
            highest = _highest(model, using)
            cursor.execute(dialect(connection).last_number(model, str(model._meta.pk.column)))
            last = cursor.fetchone()
            if highest > ((last and last[0]) or 0):
                found[model] = highest
    return found


def advance_sequences(using: str) -> None:
    """Have the next numbers be those that are free."""
    words = dialect(connections[using])
    for model, highest in sequences_behind(using).items():
        with connections[using].cursor() as cursor:
            cursor.execute(words.move_sequence(model, str(model._meta.pk.column), highest))


def _highest(model: Any, using: str) -> int:
    # Feeds have their uids from the sequence of the resources.
    models_ = (Resource, Feed) if model is Resource else (model,)
    numbers = [one.objects.using(using).aggregate(highest=models.Max("pk"))["highest"] for one in models_]
    return max(number or 0 for number in numbers)

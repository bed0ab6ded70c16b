"""Loading instances by their primary keys, with a statement that is put together once for each model."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.models.lookups import In

from sequere.sql.rows import instances


def having(queryset: models.QuerySet[Any], pks: Sequence[Any]) -> Iterable[models.Model]:
    """The instances of a queryset that have these primary keys, in any order. 1 query.

    A queryset puts its statement together each time, which takes longer than the database needs to answer. One that
    asks for all instances of its model, as that of most managers, has the same statement each time.
    """
    model: type[models.Model] = queryset.model
    using = queryset.db
    statement = _statement(model, using) if _is_whole(queryset) else None
    if statement is None:
        return queryset.filter(pk__in=pks)
    prepared, connection = model._meta.pk.get_db_prep_value, connections[using]
    values = [prepared(pk, connection) for pk in pks]
    return instances(model, f"{statement} IN ({', '.join(['%s'] * len(values))})", values, using)


def _is_whole(queryset: models.QuerySet[Any]) -> bool:
    """Whether a queryset is of Django's own class, and asks for all instances of its model as they are."""
    model: type[models.Model] = queryset.model
    return type(queryset) is models.QuerySet and _parts(queryset) == _parts(_whole(model))


@cache
def _whole(model: type[models.Model]) -> models.QuerySet[Any]:
    return models.QuerySet(model)


def _parts(queryset: models.QuerySet[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All that makes a queryset, but for what says which database it asks."""
    aside = ("_query", "_db", "_hints")
    return {name: part for name, part in vars(queryset).items() if name not in aside}, vars(queryset.query)


@cache
def _statement(model: type[models.Model], using: str) -> str | None:
    """The statement, up to its IN. None for a model with parents, or a key that is compared in its own
    way."""
    pk: Any = model._meta.pk
    if model._meta.parents or pk.get_lookup("in") is not In or hasattr(pk, "get_placeholder"):
        return None
    select, _ = _whole(model).order_by().query.get_compiler(using).as_sql()
    quoted = connections[using].ops.quote_name
    return f"{select} WHERE {quoted(model._meta.db_table)}.{quoted(pk.column)}"

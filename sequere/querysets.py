"""Follows in querysets of the host's models: conditions, annotations and orders.

They are about the instances of the queryset, whose model is registered or counts as one that is, and are evaluated with
the queryset. Hidden instances are in a queryset if the queryset itself has them.
"""

from typing import Any, Self, TypeVar, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression, F
from django.db.models.lookups import Exact, In
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, WhereNode

from sequere import conf
from sequere.api.arguments import follows_in
from sequere.backends.base import Fragment, Joins, KeyColumn, get_backend
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import BackendException, NotSupported, TooManyIds
from sequere.registry import registry
from sequere.relations.key import Graph
from sequere.relations.types import FOLLOW
from sequere.sql.dialects import dialect

__all__ = [
    "FollowQuerySet",
    "followed_by",
    "followers_count",
    "followings_count",
    "follows",
    "most_followed",
    "with_following",
]

InstanceT = TypeVar("InstanceT", bound=models.Model)
QuerySetT = TypeVar("QuerySetT", bound=models.QuerySet[Any])

#: Ids that a condition takes if the follows are not beside the table of the instances.
MAX_IDS = 10_000


def followed_by(instance: ResourceLike, *, scope: str = "") -> "_InList":
    """The condition that `instance` follows what the queryset has: `Project.objects.filter(followed_by(user))`.

    1 query in advance, and then a part of the statement, which may begin with what `instance` follows. In an exclude()
    or an OR, a question about each row, of two lookups. If follows are not in the database of the model, its ids, from
    1 query or 2 round trips; TooManyIds if they are more than 10,000.
    """
    return _InList(FOLLOW.followings, follows_in(scope), registry.key_of(instance), "followed_by()")


def follows(instance: ResourceLike, *, scope: str = "") -> "_InList":
    """The condition that what the queryset has follows `instance`: `User.objects.filter(follows(project))`. The cost is
    that of `followed_by()`."""
    return _InList(FOLLOW.followers, follows_in(scope), registry.key_of(instance), "follows()")


def with_following(instance: ResourceLike, *, scope: str = "") -> "_InList":
    """Whether `instance` follows what the queryset has, of each row: `.annotate(is_followed=with_following(user))`.

    Part of the statement, two lookups for each row. Raises NotSupported if follows are not in the database of the
    model.
    """
    return _InList(
        FOLLOW.followings, follows_in(scope), registry.key_of(instance), "with_following()", of_each_row=True
    )


def followers_count(*, scope: str = "") -> "_LengthOfList":
    """How many follow what the queryset has: `.annotate(n=followers_count()).order_by("-n")`. The cost, and what it
    raises, are those of `with_following()`."""
    return _LengthOfList(FOLLOW.followers, follows_in(scope), "followers_count()")


def followings_count(*, scope: str = "") -> "_LengthOfList":
    """How many resources it follows; as `followers_count()`."""
    return _LengthOfList(FOLLOW.followings, follows_in(scope), "followings_count()")


def most_followed(model: type[InstanceT], *, scope: str = "") -> models.QuerySet[InstanceT]:
    """The instances of a model that its `get_queryset()` shows, the most followed ones first, each with its
    `followers_count`. Reads the counts of all of them. Raises what `followers_count()` raises."""
    options = registry.options_of(model)
    of_model = options.get_queryset() if options.model is model else model._default_manager.all()
    return _most_followed(of_model, scope)


class FollowQuerySet(models.QuerySet[InstanceT]):
    """The same as methods: `objects = FollowQuerySet.as_manager()`, or a base of a queryset of your own."""

    def followed_by(self, instance: ResourceLike, *, scope: str = "") -> Self:
        return self.filter(followed_by(instance, scope=scope))

    def follows(self, instance: ResourceLike, *, scope: str = "") -> Self:
        return self.filter(follows(instance, scope=scope))

    def with_following(self, instance: ResourceLike, *, scope: str = "") -> Self:
        """Annotates `is_followed`."""
        return self.annotate(is_followed=with_following(instance, scope=scope))

    def with_counts(self, *, scope: str = "") -> Self:
        """Annotates `followers_count` and `followings_count`."""
        return self.annotate(
            followers_count=followers_count(scope=scope), followings_count=followings_count(scope=scope)
        )

    def most_followed(self, *, scope: str = "") -> Self:
        return _most_followed(self, scope)


def _most_followed(queryset: QuerySetT, scope: str) -> QuerySetT:
    return queryset.annotate(followers_count=followers_count(scope=scope)).order_by("-followers_count", "pk")


class _OfInstances(Expression):
    """Something about the instances of a queryset, known by their primary keys."""

    def __init__(self, question: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field)
        self._question = question
        self._pk: Any = None
        self._model: type[models.Model] = models.Model

    def get_source_expressions(self) -> list[Any]:
        return [self._pk]

    def set_source_expressions(self, exprs: Any) -> None:
        (self._pk,) = exprs

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: set[str] | None = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Self:
        resolved = self.copy()
        resolved._model = query.model
        _, pk = registry.primary_key_of(query.model)
        resolved._pk = F(pk.attname).resolve_expression(query, allow_joins, reuse, summarize, for_save)
        return resolved

    def get_group_by_cols(self) -> list[Any]:
        return cast(list[Any], self._pk.get_group_by_cols())

    def _column(self, compiler: SQLCompiler) -> tuple[KeyColumn, Joins | None]:
        """The column of the primary keys, and what can be said about it in SQL."""
        sql, _ = compiler.compile(self._pk)
        column = KeyColumn(sql, *registry.primary_key_of(self._model))
        has_text = column.text(dialect(compiler.connection)) is not None
        return column, get_backend().joins(self._model, compiler.connection.alias) if has_text else None

    def _refusal(
        self, error: type[BackendException], column: KeyColumn, connection: BaseDatabaseWrapper, **details: Any
    ) -> BackendException:
        if column.text(dialect(connection)) is None:
            reason = f"SQL does not know the texts of a {type(column.pk.field).__name__}"
        else:
            reason = f"SEQUERE_BACKEND is {conf.backend()!r}, which keeps them elsewhere"
        return error(question=self._question, model=self._model._meta.label, reason=reason, **details)


class _InList(_OfInstances):
    """Whether an instance is in a list of a resource."""

    def __init__(self, what: str, graph: Graph, key: ResourceKey, question: str, *, of_each_row: bool = False) -> None:
        super().__init__(question, models.BooleanField())
        self._what = what
        self._graph = graph
        self._key = key
        self._of_each_row = of_each_row

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Fragment:
        column, joins = self._column(compiler)
        if joins is not None:
            begins = not self._of_each_row and self._is_always_true(compiler.query)
            return joins.is_in(self._what, self._graph, self._key, column, begins=begins)
        if self._of_each_row:
            remedy = "ask is_following_many() about a page"
            raise self._refusal(NotSupported, column, connection, remedy=remedy)
        return self._among_ids(column, compiler, connection)

    def _is_always_true(self, query: Query) -> bool:
        """Whether it is true of all instances that a query finds, and not among what is asked about each."""
        # Django compiles copies, which are equal.
        annotations = query.annotation_select.values()
        return _demands(query.where, self) and not any(self in _with_parts(annotation) for annotation in annotations)

    def _among_ids(self, column: KeyColumn, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Fragment:
        keys = get_backend().related_keys(self._what, self._graph, self._key, column.identifier, MAX_IDS + 1)
        if len(keys) > MAX_IDS:
            instead = f"get_{self._what}()"
            raise self._refusal(TooManyIds, column, connection, limit=MAX_IDS, key=self._key, instead=instead)
        text = column.text(dialect(connection))
        sql, parameters = In(self._pk, list(registry.pks_of(keys))).as_sql(compiler, connection)
        if text is None or column.pk.collation is None:
            return sql, parameters
        # Its collation may find more.
        places = ", ".join(["%s"] * len(keys))
        return f"({sql} AND {text} IN ({places}))", (*parameters, *(key.object_id for key in keys))


class _LengthOfList(_OfInstances):
    """The length of a list of an instance."""

    def __init__(self, what: str, graph: Graph, question: str) -> None:
        super().__init__(question, models.BigIntegerField())
        self._what = what
        self._graph = graph

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Fragment:
        column, joins = self._column(compiler)
        if joins is None:
            remedy = f"ask get_{self._what}_count() of each instance"
            raise self._refusal(NotSupported, column, connection, remedy=remedy)
        return joins.count(self._what, self._graph, column)


def _demands(where: WhereNode, one: Expression) -> bool:
    """Whether all rows must meet a condition."""
    return not where.negated and where.connector == AND and any(_is_demand(child, one) for child in where.children)


def _is_demand(child: Any, one: Expression) -> bool:
    if isinstance(child, WhereNode):
        return _demands(child, one)
    return isinstance(child, Exact) and child.lhs == one and child.rhs is True


def _with_parts(expression: Any) -> list[Any]:
    """An expression, and those that it is made of."""
    return [expression, *(one for part in expression.get_source_expressions() if part for one in _with_parts(part))]

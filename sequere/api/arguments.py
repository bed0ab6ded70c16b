"""What verbs, lists and questions take, and what that names."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypedDict

from django.db import models, router

from sequere import conf
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import InvalidScope, SelfFollowException, UnknownScope
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber, make_room, numbers_of_graphs
from sequere.log.validation import SCOPE_MAX_LENGTH, point_in_time
from sequere.registry import registry
from sequere.relations.key import FOLLOWS, Graph, RelationKey
from sequere.relations.types import FOLLOW, RelationType
from sequere.texts import is_storable


class Scopes(Enum):
    """Not a scope, but a set of them."""

    ALL = "all"

    def __repr__(self) -> str:
        return self.name


#: The scope of lists and counts over all scopes. What is in several of them is there several times.
ALL: Final = Scopes.ALL
#: The scope of a list.
AnyScope = str | Scopes

Identifier = type[models.Model] | str | None
Timestamp = datetime | float
#: Some time ago: all events up to this one, or until this moment; None for now.
AsOf = Event | datetime | None


class Options(TypedDict, total=False):
    """The arguments of `unfollow()` besides the two resources."""

    timestamp: Timestamp | None
    fail_silently: bool | None
    idempotency_key: str | None
    scope: str


class FollowOptions(Options, total=False):
    """Those of `follow()`."""

    message: str
    policy: bool


def follows_in(scope: str) -> Graph:
    """The follows of a scope. Raises InvalidScope, UnknownScope."""
    graph = follows_to_end(scope)
    if scope and (known := conf.scopes()) is not None and scope not in known:
        raise UnknownScope(scope=scope, known=", ".join(map(repr, ["", *known])))
    return graph


def graphs_in(type_: RelationType, scope: AnyScope) -> Mapping[int, Graph]:
    """The relations of a type in a scope, or in all of them, by numbers that order them. 1 query for all scopes. Raises
    InvalidScope, UnknownScope."""
    if not isinstance(scope, Scopes):
        return {0: Graph(type_, follows_in(scope).scope)}
    numbers = {(type_.name, ""): 0, **numbers_of_graphs(router.db_for_read(GraphNumber))}
    graphs = {number: Graph(type_, scope) for (name, scope), number in numbers.items() if name == type_.name}
    return dict(sorted(graphs.items()))


def follows_to_begin(scope: str) -> Graph:
    """The same, if there is room for it. Raises TooManyScopes, too."""
    graph = follows_in(scope)
    if scope:
        make_room(*graph.name, router.db_for_write(GraphNumber))
    return graph


def follows_to_end(scope: Any) -> Graph:
    """The follows of any scope that may be in the log. Raises InvalidScope."""
    if scope == "":
        return FOLLOWS
    if not isinstance(scope, str) or not is_storable(scope, SCOPE_MAX_LENGTH):
        raise InvalidScope(scope=scope, length=SCOPE_MAX_LENGTH)
    return Graph(FOLLOW, scope)


def kind_of(identifier: Identifier) -> str | None:
    return None if identifier is None else registry.identifier_of(identifier)


def relation_of(
    graph: Graph,
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    timestamp: Timestamp | None = None,
    *,
    key_of: Callable[[ResourceLike], ResourceKey],
) -> tuple[RelationKey, datetime | None]:
    relation = RelationKey(key_of(from_instance), key_of(to_instance), graph)
    if relation.from_key == relation.to_key:
        raise SelfFollowException(instance=from_instance, verb=graph.type.name)
    return relation, None if timestamp is None else point_in_time(timestamp)

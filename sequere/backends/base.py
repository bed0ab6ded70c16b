"""What a backend of relations is: a read model and its queries."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.db import models
from django.utils.module_loading import import_string

from sequere import conf
from sequere.base import ResourceKey
from sequere.primary_keys import PrimaryKey
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.reconciler import Cursor
from sequere.relations.key import Graph, RelationKey
from sequere.results.relations import RelationList
from sequere.results.suggestions import SuggestionList
from sequere.sql.dialects import Dialect

BackendT = TypeVar("BackendT")


class FollowerPage(NamedTuple):
    """Some followers, and where the next page begins; None after the last.

    A name is `str(key)`. A thousand names cost a fraction of a thousand keys.
    """

    names: Sequence[str]
    next: Cursor | None


class RelationsProjector(LevelTriggeredProjector):
    """A projector of relations, which pause while an end is suspended."""

    stream_kinds = ("", "queued", "relation", "resource", "suspension")
    has_pauses = True


#: How many that a resource follows have a say in what is suggested to it, and in how many of theirs.
SUGGESTING, SUGGESTED_BY_EACH = 200, 100


class FollowCounts(NamedTuple):
    """How many follow a resource, how many it follows, and how many of these are the same."""

    followers: int = 0
    followings: int = 0
    friends: int = 0


class ListOf(NamedTuple):
    """The list `what` of a resource."""

    what: str
    key: ResourceKey


class KeyColumn(NamedTuple):
    """The primary key of the instances that a statement is about, as SQL."""

    column: str
    identifier: str
    pk: PrimaryKey

    def text(self, words: Dialect) -> str | None:
        """The text of the key; None if SQL does not make the same texts as the registry."""
        return words.text_of_key(self.pk.held, self.column)


#: A part of a statement, and its parameters.
Fragment: TypeAlias = tuple[str, tuple[Any, ...]]


class Joins(Protocol):
    """What statements about instances of a host's model can say about their relations. Each has a text."""

    def is_in(self, what: str, graph: Graph, key: ResourceKey, one: KeyColumn, *, begins: bool) -> Fragment:
        """Whether an instance is in the list `what` of `key`: a question about each row, of two lookups. A statement
        that is only about instances that are may begin with the list (`begins`); 1 query, in advance."""

    def count(self, what: str, graph: Graph, one: KeyColumn) -> Fragment:
        """The length of the list `what` of an instance: two lookups."""


class BaseBackend(ABC):
    """The questions that a backend answers. `identifier` narrows an answer to resources of one kind.

    Only its `projector` writes the read model.
    """

    projector: Projector

    @abstractmethod
    def live_among(self, relations: Collection[RelationKey], *, mutual: bool = False) -> set[RelationKey]:
        """Those of `relations` that are live; if `mutual`, in both directions. All have one `from_key`, and one graph.
        1 query."""

    @abstractmethod
    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        """The list `what` of the type of a graph ("followers", "followings" or "friends"), for `key`.

        By the time of the relation, for "friends" the later one of both; ties in a fixed order; newest first if `desc`.
        """

    @abstractmethod
    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        """The length of such a list. 1 query."""

    @abstractmethod
    def counts(self, graph: Graph, keys: Collection[ResourceKey]) -> Mapping[ResourceKey, FollowCounts]:
        """The lengths of all lists of resources; of one that has no relations, it may say nothing. 1 query."""

    @abstractmethod
    def common(self, graph: Graph, one: ListOf, other: ListOf, identifier: str | None, *, desc: bool) -> RelationList:
        """What is in both of two lists, in the order of the other one, and since when it is there. Costs as much as the
        shorter one is long."""

    @abstractmethod
    def suggestions(
        self, graph: Graph, key: ResourceKey, identifier: str | None, left_out: Sequence[tuple[str, Graph]]
    ) -> SuggestionList:
        """What those follow whom `key` follows, without `key` and what is in one of its lists in `left_out`, each
        in its graph: first what most of them follow, and of equals what has the largest uid.

        Looks at the newest `SUGGESTING` that `key` follows, and at the newest `SUGGESTED_BY_EACH` of each."""

    @abstractmethod
    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        """About 1,000 followers of `key`, which is locked, from a cursor on, in an order of the backend's choice.
        1 query.

        The lock may have been released since the page before. A follower that was there then and is there now is on
        some page; a new one may be left out, and it does no harm if one is on two pages. Raises ReadModelLost if
        followers of `key` may be lost: then the log is asked for them.
        """

    @abstractmethod
    def related_keys(
        self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, limit: int
    ) -> Sequence[ResourceKey]:
        """The keys in the list `what` of `key`, `limit` at most, in any order; also of hidden ones. 1 query."""

    def joins(self, model: type[models.Model], using: str) -> Joins | None:
        """What statements about instances of a model, in the database `using`, can say about their relations; None, as
        by default, if these are not beside the table of that model."""
        return None

    @abstractmethod
    def reset(self, using: str) -> None:
        """Empty the read model. A rebuild fills it again."""

    @classmethod
    def check(cls) -> list[CheckMessage]:
        """The system checks of a project that uses this backend."""
        return []


class BackendHandler(Generic[BackendT]):
    """Makes the backend that a setting names when it is first asked for, and again when a setting has changed."""

    def __init__(self, path: Callable[[], str], *settings: str) -> None:
        """`path` reads the dotted path of the class; names of settings that begin with one of `settings` matter."""
        self._path = path
        self._settings = settings
        self._backend: BackendT | None = None
        setting_changed.connect(self._forget)

    def __call__(self) -> BackendT:
        """The backend. Creating it does no I/O."""
        if self._backend is None:
            self._backend = import_string(self._path())()
        return self._backend

    def _forget(self, *, setting: str, **_: Any) -> None:
        if setting.startswith(self._settings):
            self._backend = None


#: The backend that SEQUERE_BACKEND names.
get_backend: BackendHandler[BaseBackend] = BackendHandler(conf.backend, "SEQUERE_BACKEND")

"""What a backend of follows is: a read model plus its queries."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf
from sequere.base import ResourceKey
from sequere.projections.projector import Projector
from sequere.projections.reconciler import Cursor
from sequere.results.relations import RelationList

BackendT = TypeVar("BackendT")


class FollowerPage(NamedTuple):
    """Some followers, and where the next ones begin; None after the last.

    A name is `str(key)`. A thousand names cost a fraction of what a thousand keys do.
    """

    names: Sequence[str]
    next: Cursor | None


class BaseBackend(ABC):
    """The questions that a backend answers. `identifier` narrows an answer to resources of one kind.

    `projector` keeps the read model; nothing else writes it.
    """

    projector: Projector

    @abstractmethod
    def are_following(self, from_key: ResourceKey, to_keys: Iterable[ResourceKey]) -> set[ResourceKey]:
        """Those of `to_keys` that `from_key` follows. 1 query."""

    @abstractmethod
    def followers(self, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        """Who follows `key`, since when; by the time of the follow, ties by event, newest first if `desc`."""

    @abstractmethod
    def followings(self, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        """Whom `key` follows, since when."""

    @abstractmethod
    def friends(self, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        """Who follows `key` and is followed by it, since the later of the two follows."""

    @abstractmethod
    def count(self, what: str, key: ResourceKey, identifier: str | None) -> int:
        """The number of "followers", "followings" or "friends". 1 query."""

    @abstractmethod
    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        """About 1,000 of those who follow `key`, which is locked, from a cursor on, in the order of the backend's
        choice. 1 query.

        The lock may have been given back since the page before. Who follows `key` now and did so then is on some page;
        who is new may be left out, and nobody does harm by being there twice. Raises ReadModelLost where `key` may have
        followers that are lost: then the log is asked for them.
        """

    @abstractmethod
    def reset(self, using: str) -> None:
        """Empty the read model; a rebuild fills it again."""

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

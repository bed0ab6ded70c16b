"""What a backend of follows is: a read model plus its queries."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf
from sequere.base import ResourceKey
from sequere.projections.projector import Cursor, Projector
from sequere.results.relations import RelationList


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


@cache
def get_backend() -> BaseBackend:
    """The backend that SEQUERE_BACKEND names. Creating it does no I/O."""
    backend: BaseBackend = import_string(conf.backend())()
    return backend


def forget_backend(*, setting: str, **_: Any) -> None:
    if setting.startswith("SEQUERE_BACKEND"):
        get_backend.cache_clear()


setting_changed.connect(forget_backend, dispatch_uid="sequere.backends.base.forget_backend")

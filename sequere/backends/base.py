"""What a backend of follows is: a read model plus its queries."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf
from sequere.backends.relations import RelationList
from sequere.base import ResourceKey
from sequere.projectors import Projector


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
    def follower_keys(self, key: ResourceKey) -> Iterator[Sequence[ResourceKey]]:
        """Who follows `key`, which is locked: about 1,000 at a time, in no order, for a projector. 1 query each."""

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

"""The verbs as methods, for models that follow or are followed."""

from collections.abc import Callable, Iterable
from typing import Any, Unpack

from django.db import models

from sequere import api
from sequere.api.arguments import AnyScope, AsOf, FollowOptions, Identifier, Options, Timestamp
from sequere.base import ResourceLike
from sequere.log.models import Event
from sequere.results.relations import RelationList
from sequere.results.suggestions import SuggestionList


class SequereMixin(models.Model):
    """Adds the verbs of `sequere.models` to a model, with `self` as their first argument.

    An abstract model without fields: it changes no table, and nothing in a migration but the bases.
    """

    class Meta:
        abstract = True

    def follow(self, to_instance: ResourceLike, **options: Unpack[FollowOptions]) -> Event | None:
        return api.follow(self, to_instance, **options)

    def unfollow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return api.unfollow(self, to_instance, **options)

    def remove_follower(
        self, follower: ResourceLike, *, fail_silently: bool | None = None, scope: str = ""
    ) -> Event | None:
        return api.remove_follower(self, follower, fail_silently=fail_silently, scope=scope)

    def accept(self, follower: ResourceLike, *, scope: str = "") -> Event:
        return api.accept(self, follower, scope=scope)

    def accept_all(self, *, scope: str = "") -> int:
        return api.accept_all(self, scope=scope)

    def deny(self, follower: ResourceLike, *, scope: str = "") -> Event:
        return api.deny(self, follower, scope=scope)

    def cancel(self, instance: ResourceLike, *, scope: str = "") -> Event:
        return api.cancel(self, instance, scope=scope)

    def is_pending(self, instance: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return api.is_pending(self, instance, scope=scope, as_of=as_of)

    def is_pending_many(
        self, instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return api.is_pending_many(self, instances, scope=scope, as_of=as_of)

    def get_pending(
        self, *, identifier: Identifier = None, desc: bool = True, scope: AnyScope = "", as_of: AsOf = None
    ) -> RelationList:
        return api.get_pending(self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def get_pending_with(
        self, *, identifier: Identifier = None, desc: bool = True, scope: AnyScope = "", as_of: AsOf = None
    ) -> RelationList:
        return api.get_pending_with(self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def get_pending_count(self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None) -> int:
        return api.get_pending_count(self, identifier=identifier, scope=scope, as_of=as_of)

    def get_pending_with_count(self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None) -> int:
        return api.get_pending_with_count(self, identifier=identifier, scope=scope, as_of=as_of)

    def get_relations(
        self,
        kind: str,
        *,
        identifier: Identifier = None,
        desc: bool = True,
        scope: AnyScope = "",
        as_of: AsOf = None,
    ) -> RelationList:
        return api.get_relations(kind, self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def count_relations(
        self, kind: str, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return api.count_relations(kind, self, identifier=identifier, scope=scope, as_of=as_of)

    def suspend(self, *, timestamp: Timestamp | None = None) -> Event | None:
        return api.suspend(self, timestamp=timestamp)

    def resume(self, *, timestamp: Timestamp | None = None) -> Event | None:
        return api.resume(self, timestamp=timestamp)

    def is_suspended(self, *, as_of: AsOf = None) -> bool:
        return api.is_suspended(self, as_of=as_of)

    def clear(self) -> int:
        return api.clear(self)

    def move(self, new: ResourceLike) -> int:
        return api.move(self, new)

    def is_following(self, instance: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return api.is_following(self, instance, scope=scope, as_of=as_of)

    def is_following_many(
        self, instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return api.is_following_many(self, instances, scope=scope, as_of=as_of)

    def follow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None, scope: str = ""
    ) -> int:
        return api.follow_many(((self, instance) for instance in instances), progress=progress, scope=scope)

    def unfollow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None, scope: str = ""
    ) -> int:
        return api.unfollow_many(((self, instance) for instance in instances), progress=progress, scope=scope)

    def get_followers(
        self, *, identifier: Identifier = None, desc: bool = True, scope: AnyScope = "", as_of: AsOf = None
    ) -> RelationList:
        return api.get_followers(self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def get_followings(
        self, *, identifier: Identifier = None, desc: bool = True, scope: AnyScope = "", as_of: AsOf = None
    ) -> RelationList:
        return api.get_followings(self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def get_friends(
        self, *, identifier: Identifier = None, desc: bool = True, scope: AnyScope = "", as_of: AsOf = None
    ) -> RelationList:
        return api.get_friends(self, identifier=identifier, desc=desc, scope=scope, as_of=as_of)

    def get_followers_count(self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None) -> int:
        return api.get_followers_count(self, identifier=identifier, scope=scope, as_of=as_of)

    def get_followings_count(self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None) -> int:
        return api.get_followings_count(self, identifier=identifier, scope=scope, as_of=as_of)

    def get_friends_count(self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None) -> int:
        return api.get_friends_count(self, identifier=identifier, scope=scope, as_of=as_of)

    def is_followed_by(self, follower: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return api.is_followed_by(self, follower, scope=scope, as_of=as_of)

    def is_friend(self, other: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return api.is_friend(self, other, scope=scope, as_of=as_of)

    def are_friends_many(
        self, others: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return api.are_friends_many(self, others, scope=scope, as_of=as_of)

    def common_followers(
        self, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
    ) -> RelationList:
        return api.common_followers(self, other, identifier=identifier, desc=desc, scope=scope)

    def common_followings(
        self, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
    ) -> RelationList:
        return api.common_followings(self, other, identifier=identifier, desc=desc, scope=scope)

    def followed_by_followings(
        self, target: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
    ) -> RelationList:
        return api.followed_by_followings(self, target, identifier=identifier, desc=desc, scope=scope)

    def common_followers_count(self, other: ResourceLike, *, identifier: Identifier = None, scope: str = "") -> int:
        return api.common_followers_count(self, other, identifier=identifier, scope=scope)

    def common_followings_count(self, other: ResourceLike, *, identifier: Identifier = None, scope: str = "") -> int:
        return api.common_followings_count(self, other, identifier=identifier, scope=scope)

    def followed_by_followings_count(
        self, target: ResourceLike, *, identifier: Identifier = None, scope: str = ""
    ) -> int:
        return api.followed_by_followings_count(self, target, identifier=identifier, scope=scope)

    def suggest(self, *, identifier: Identifier = None, scope: str = "") -> SuggestionList:
        return api.suggest(self, identifier=identifier, scope=scope)

    def block(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return api.block(self, to_instance, timestamp=timestamp)

    def unblock(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return api.unblock(self, to_instance, timestamp=timestamp)

    def is_blocked(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return api.is_blocked(self, instance, as_of=as_of)

    def is_blocked_by(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return api.is_blocked_by(self, instance, as_of=as_of)

    def get_blocked(self, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None) -> RelationList:
        return api.get_blocked(self, identifier=identifier, desc=desc, as_of=as_of)

    def get_blocked_by(self, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None) -> RelationList:
        return api.get_blocked_by(self, identifier=identifier, desc=desc, as_of=as_of)

    def get_blocked_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return api.get_blocked_count(self, identifier=identifier, as_of=as_of)

    def get_blocked_by_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return api.get_blocked_by_count(self, identifier=identifier, as_of=as_of)

    def mute(
        self, to_instance: ResourceLike, until: Timestamp | None = None, *, timestamp: Timestamp | None = None
    ) -> Event | None:
        return api.mute(self, to_instance, until, timestamp=timestamp)

    def unmute(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return api.unmute(self, to_instance, timestamp=timestamp)

    def is_muted(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return api.is_muted(self, instance, as_of=as_of)

    def get_muted(self, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None) -> RelationList:
        return api.get_muted(self, identifier=identifier, desc=desc, as_of=as_of)

    def get_muted_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return api.get_muted_count(self, identifier=identifier, as_of=as_of)

    async def amute(
        self, to_instance: ResourceLike, until: Timestamp | None = None, *, timestamp: Timestamp | None = None
    ) -> Event | None:
        return await api.amute(self, to_instance, until, timestamp=timestamp)

    async def aunmute(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return await api.aunmute(self, to_instance, timestamp=timestamp)

    async def ais_muted(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return await api.ais_muted(self, instance, as_of=as_of)

    async def aget_muted_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return await api.aget_muted_count(self, identifier=identifier, as_of=as_of)

    async def ablock(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return await api.ablock(self, to_instance, timestamp=timestamp)

    async def aunblock(self, to_instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
        return await api.aunblock(self, to_instance, timestamp=timestamp)

    async def ais_blocked(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return await api.ais_blocked(self, instance, as_of=as_of)

    async def ais_blocked_by(self, instance: ResourceLike, *, as_of: AsOf = None) -> bool:
        return await api.ais_blocked_by(self, instance, as_of=as_of)

    async def aget_blocked_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return await api.aget_blocked_count(self, identifier=identifier, as_of=as_of)

    async def aget_blocked_by_count(self, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
        return await api.aget_blocked_by_count(self, identifier=identifier, as_of=as_of)

    async def afollow(self, to_instance: ResourceLike, **options: Unpack[FollowOptions]) -> Event | None:
        return await api.afollow(self, to_instance, **options)

    async def aremove_follower(
        self, follower: ResourceLike, *, fail_silently: bool | None = None, scope: str = ""
    ) -> Event | None:
        return await api.aremove_follower(self, follower, fail_silently=fail_silently, scope=scope)

    async def aaccept(self, follower: ResourceLike, *, scope: str = "") -> Event:
        return await api.aaccept(self, follower, scope=scope)

    async def aaccept_all(self, *, scope: str = "") -> int:
        return await api.aaccept_all(self, scope=scope)

    async def adeny(self, follower: ResourceLike, *, scope: str = "") -> Event:
        return await api.adeny(self, follower, scope=scope)

    async def acancel(self, instance: ResourceLike, *, scope: str = "") -> Event:
        return await api.acancel(self, instance, scope=scope)

    async def ais_pending(self, instance: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return await api.ais_pending(self, instance, scope=scope, as_of=as_of)

    async def ais_pending_many(
        self, instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return await api.ais_pending_many(self, instances, scope=scope, as_of=as_of)

    async def aget_pending_count(
        self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.aget_pending_count(self, identifier=identifier, scope=scope, as_of=as_of)

    async def aget_pending_with_count(
        self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.aget_pending_with_count(self, identifier=identifier, scope=scope, as_of=as_of)

    async def acount_relations(
        self, kind: str, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.acount_relations(kind, self, identifier=identifier, scope=scope, as_of=as_of)

    async def asuspend(self, *, timestamp: Timestamp | None = None) -> Event | None:
        return await api.asuspend(self, timestamp=timestamp)

    async def aresume(self, *, timestamp: Timestamp | None = None) -> Event | None:
        return await api.aresume(self, timestamp=timestamp)

    async def ais_suspended(self, *, as_of: AsOf = None) -> bool:
        return await api.ais_suspended(self, as_of=as_of)

    async def aclear(self) -> int:
        return await api.aclear(self)

    async def amove(self, new: ResourceLike) -> int:
        return await api.amove(self, new)

    async def aunfollow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return await api.aunfollow(self, to_instance, **options)

    async def ais_following(self, instance: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return await api.ais_following(self, instance, scope=scope, as_of=as_of)

    async def ais_following_many(
        self, instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return await api.ais_following_many(self, instances, scope=scope, as_of=as_of)

    async def afollow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None, scope: str = ""
    ) -> int:
        return await api.afollow_many(((self, instance) for instance in instances), progress=progress, scope=scope)

    async def aunfollow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None, scope: str = ""
    ) -> int:
        return await api.aunfollow_many(((self, instance) for instance in instances), progress=progress, scope=scope)

    async def aget_followers_count(
        self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.aget_followers_count(self, identifier=identifier, scope=scope, as_of=as_of)

    async def aget_followings_count(
        self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.aget_followings_count(self, identifier=identifier, scope=scope, as_of=as_of)

    async def aget_friends_count(
        self, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
    ) -> int:
        return await api.aget_friends_count(self, identifier=identifier, scope=scope, as_of=as_of)

    async def ais_followed_by(self, follower: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return await api.ais_followed_by(self, follower, scope=scope, as_of=as_of)

    async def ais_friend(self, other: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
        return await api.ais_friend(self, other, scope=scope, as_of=as_of)

    async def aare_friends_many(
        self, others: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
    ) -> dict[Any, bool]:
        return await api.aare_friends_many(self, others, scope=scope, as_of=as_of)

    async def acommon_followers_count(
        self, other: ResourceLike, *, identifier: Identifier = None, scope: str = ""
    ) -> int:
        return await api.acommon_followers_count(self, other, identifier=identifier, scope=scope)

    async def acommon_followings_count(
        self, other: ResourceLike, *, identifier: Identifier = None, scope: str = ""
    ) -> int:
        return await api.acommon_followings_count(self, other, identifier=identifier, scope=scope)

    async def afollowed_by_followings_count(
        self, target: ResourceLike, *, identifier: Identifier = None, scope: str = ""
    ) -> int:
        return await api.afollowed_by_followings_count(self, target, identifier=identifier, scope=scope)

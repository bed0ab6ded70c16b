"""The verbs as methods, for models that follow or are followed."""

from collections.abc import Callable, Iterable
from typing import Any, Unpack

from django.db import models

from sequere import api
from sequere.api import Identifier, Options
from sequere.base import ResourceLike
from sequere.log.models import Event
from sequere.results.relations import RelationList


class SequereMixin(models.Model):
    """Adds the verbs of `sequere.models` to a model, with `self` as their first argument.

    An abstract model without fields: it changes no table, and nothing in a migration but the bases.
    """

    class Meta:
        abstract = True

    def follow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return api.follow(self, to_instance, **options)

    def unfollow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return api.unfollow(self, to_instance, **options)

    def is_following(self, instance: ResourceLike) -> bool:
        return api.is_following(self, instance)

    def is_following_many(self, instances: Iterable[ResourceLike]) -> dict[Any, bool]:
        return api.is_following_many(self, instances)

    def follow_many(self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None) -> int:
        return api.follow_many(((self, instance) for instance in instances), progress=progress)

    def unfollow_many(self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None) -> int:
        return api.unfollow_many(((self, instance) for instance in instances), progress=progress)

    def get_followers(self, *, identifier: Identifier = None, desc: bool = True) -> RelationList:
        return api.get_followers(self, identifier=identifier, desc=desc)

    def get_followings(self, *, identifier: Identifier = None, desc: bool = True) -> RelationList:
        return api.get_followings(self, identifier=identifier, desc=desc)

    def get_friends(self, *, identifier: Identifier = None, desc: bool = True) -> RelationList:
        return api.get_friends(self, identifier=identifier, desc=desc)

    def get_followers_count(self, *, identifier: Identifier = None) -> int:
        return api.get_followers_count(self, identifier=identifier)

    def get_followings_count(self, *, identifier: Identifier = None) -> int:
        return api.get_followings_count(self, identifier=identifier)

    def get_friends_count(self, *, identifier: Identifier = None) -> int:
        return api.get_friends_count(self, identifier=identifier)

    async def afollow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return await api.afollow(self, to_instance, **options)

    async def aunfollow(self, to_instance: ResourceLike, **options: Unpack[Options]) -> Event | None:
        return await api.aunfollow(self, to_instance, **options)

    async def ais_following(self, instance: ResourceLike) -> bool:
        return await api.ais_following(self, instance)

    async def ais_following_many(self, instances: Iterable[ResourceLike]) -> dict[Any, bool]:
        return await api.ais_following_many(self, instances)

    async def afollow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None
    ) -> int:
        return await api.afollow_many(((self, instance) for instance in instances), progress=progress)

    async def aunfollow_many(
        self, instances: Iterable[ResourceLike], *, progress: Callable[[int], None] | None = None
    ) -> int:
        return await api.aunfollow_many(((self, instance) for instance in instances), progress=progress)

    async def aget_followers_count(self, *, identifier: Identifier = None) -> int:
        return await api.aget_followers_count(self, identifier=identifier)

    async def aget_followings_count(self, *, identifier: Identifier = None) -> int:
        return await api.aget_followings_count(self, identifier=identifier)

    async def aget_friends_count(self, *, identifier: Identifier = None) -> int:
        return await api.aget_friends_count(self, identifier=identifier)

"""`{% load sequere %}`: counts, follow buttons, and whether a user follows an instance."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django import template
from django.template import Context

from sequere import api, conf
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import shown
from sequere.http import as_follower, follower_of, is_logged_in, user_of
from sequere.registry import registry

register = template.Library()

#: The context variables with prefetched answers, and with who follows. No template can use these names.
FOLLOWING, FOLLOWER = "_sequere_following", "_sequere_follower"


@register.filter
def identifier(instance: Any) -> str:
    """The identifier of an instance: `{{ project|identifier }}`."""
    return registry.key_of(instance).identifier


@register.filter
def object_id(instance: Any) -> str:
    """The key of an instance, as the views of Sequere expect it."""
    return registry.key_of(instance).object_id


class Scoped(NamedTuple):
    """An instance in a scope."""

    instance: Any
    scope: str

    def __repr__(self) -> str:
        return shown(self.instance)


@register.filter
def in_scope(instance: Any, scope: str) -> Scoped:
    """An instance for another filter to ask about in a scope: `{{ project|in_scope:'watch'|followers_count }}`,
    `{% if user|in_scope:'watch'|is_following:project %}`."""
    return Scoped(instance, scope)


@register.filter
def followers_count(instance: Any, identifier: str | None = None) -> int:
    """The number of followers, of all kinds or of one: `{{ project|followers_count:'user' }}`. 1 query."""
    instance, scope = _scoped(instance)
    return api.get_followers_count(instance, identifier=identifier, scope=scope)


@register.filter
def followings_count(instance: Any, identifier: str | None = None) -> int:
    """The number of followings of an instance. 1 query."""
    instance, scope = _scoped(instance)
    return api.get_followings_count(instance, identifier=identifier, scope=scope)


@register.filter
def friends_count(instance: Any, identifier: str | None = None) -> int:
    """The number of friends of an instance, which follow it and are followed by it. 1 query."""
    instance, scope = _scoped(instance)
    return api.get_friends_count(instance, identifier=identifier, scope=scope)


@register.filter
def is_following(user: Any, instance: Any) -> bool:
    """Whether a resource follows an instance: `{% if user|is_following:project %}`. 1 query; none for an anonymous
    user, and for a user who is not a resource."""
    user, scope = _scoped(user)
    follower = as_follower(user)
    return follower is not None and api.is_following(follower, instance, scope=scope)


@register.filter
def is_blocked(user: Any, instance: Any) -> bool:
    """Whether a resource has blocked an instance: `{% if user|is_blocked:other %}`. 1 query; none for an anonymous
    user, and for a user who is not a resource."""
    follower = as_follower(user)
    return follower is not None and api.is_blocked(follower, instance)


@register.simple_tag(takes_context=True)
def prefetch_following(context: Context, objects: Iterable[Any], scope: str = "") -> str:
    """Query once for all follow buttons of a page: `{% prefetch_following projects %}`. 1 query.

    Takes instances, or the pairs in lists of followers.
    """
    user = follower(context)
    if user is not None:
        instances = [_instance_of(one) for one in objects]
        following = api.is_following_many(user, instances, scope=scope)
        answers = {(registry.key_of(instance), scope): answer for instance, answer in following.items()}
        context.dicts[0].setdefault(FOLLOWING, {}).update(answers)
    return ""


@register.inclusion_tag("sequere/follow_button.html", takes_context=True)
def follow_button(context: Context, instance: Any, scope: str = "") -> dict[str, Any]:
    """A form with one button, to follow or unfollow an instance; empty for the user's own instance, and for a user who
    cannot follow. Somebody who is not logged in is asked to do so.

    1 query, none after `prefetch_following`. Needs `request` in the context, and `sequere.urls`.
    """
    user, key = follower(context), registry.key_of(instance)
    is_self = user is not None and registry.key_of(user) == key
    return {
        "instance": instance,
        "key": key,
        "is_self": is_self,
        "is_shown": not is_self and (user is not None or not is_logged_in(viewer(context))),
        "is_following": user is not None and not is_self and _answer(context, user, key, scope),
        "scope": scope,
        "request": context.get("request"),
        "csrf_token": context.get("csrf_token"),
    }


def viewer(context: Context) -> Any:
    """The user who views a page: that of the request, since `user` in a template may be the subject of the page."""
    user = user_of(context["request"]) if context.get("request") else None
    return context.get("user") if user is None else user


def follower(context: Context) -> ResourceLike | None:
    """Who follows for the viewer of a page; None for nobody. It is asked once for each page."""
    request, page = context.get("request"), context.dicts[0]
    if not request or (user_of(request) is None and conf.follower_of_request() is None):
        return as_follower(context.get("user"))
    if FOLLOWER not in page:
        page[FOLLOWER] = follower_of(request)
    found: ResourceLike | None = page[FOLLOWER]
    return found


def _instance_of(item: Any) -> Any:
    """The instance in a pair of a list of followers, or the item itself."""
    return item[0] if isinstance(item, tuple) and not isinstance(item, ResourceKey) else item


def _scoped(item: Any) -> tuple[Any, str]:
    return item if isinstance(item, Scoped) else (item, "")


def _answer(context: Context, user: ResourceLike, key: ResourceKey, scope: str) -> bool:
    answers = context.get(FOLLOWING) or {}
    return answers[key, scope] if (key, scope) in answers else api.is_following(user, key, scope=scope)

"""`{% load sequere %}`: counts, follow buttons, and whether a user follows an instance."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.template import Context

from sequere import api
from sequere.base import ResourceKey
from sequere.registry import registry

register = template.Library()

#: The context variable with prefetched answers. No template can use this name.
FOLLOWING = "_sequere_following"


@register.filter
def identifier(instance: Any) -> str:
    """The identifier of an instance: `{{ project|identifier }}`."""
    return registry.key_of(instance).identifier


@register.filter
def object_id(instance: Any) -> str:
    """The key of an instance, as the views of Sequere expect it."""
    return registry.key_of(instance).object_id


@register.filter
def followers_count(instance: Any, identifier: str | None = None) -> int:
    """The number of followers, of all kinds or of one: `{{ project|followers_count:'user' }}`. 1 query."""
    return api.get_followers_count(instance, identifier=identifier)


@register.filter
def followings_count(instance: Any, identifier: str | None = None) -> int:
    """The number of followings of an instance. 1 query."""
    return api.get_followings_count(instance, identifier=identifier)


@register.filter
def friends_count(instance: Any, identifier: str | None = None) -> int:
    """The number of friends of an instance, which follow it and are followed by it. 1 query."""
    return api.get_friends_count(instance, identifier=identifier)


@register.filter
def is_following(user: Any, instance: Any) -> bool:
    """Whether a user follows an instance: `{% if user|is_following:project %}`. 1 query; none for an anonymous user."""
    return _is_somebody(user) and api.is_following(user, instance)


@register.simple_tag(takes_context=True)
def prefetch_following(context: Context, objects: Iterable[Any]) -> str:
    """Query once for all follow buttons of a page: `{% prefetch_following projects %}`. 1 query.

    Takes instances, or the pairs in lists of followers.
    """
    user = viewer(context)
    if _is_somebody(user):
        instances = [one[0] if isinstance(one, tuple) else one for one in objects]
        following = api.is_following_many(user, instances)
        answers = {registry.key_of(instance): answer for instance, answer in following.items()}
        context.dicts[0].setdefault(FOLLOWING, {}).update(answers)
    return ""


@register.inclusion_tag("sequere/follow_button.html", takes_context=True)
def follow_button(context: Context, instance: Any) -> dict[str, Any]:
    """A form with one button, to follow or unfollow an instance; empty for the user's own instance.

    1 query, none after `prefetch_following`. Needs `request` in the context, and `sequere.urls`.
    """
    user = viewer(context)
    key = registry.key_of(instance)
    return {
        "instance": instance,
        "key": key,
        "is_self": _is_somebody(user) and registry.key_of(user) == key,
        "is_following": _is_somebody(user) and _answer(context, user, key),
        "request": context.get("request"),
        "csrf_token": context.get("csrf_token"),
    }


def viewer(context: Context) -> Any:
    """The user who views a page: that of the request, since `user` in a template may be the subject of the page."""
    request = context.get("request")
    return getattr(request, "user", None) or context.get("user")


def _answer(context: Context, user: Any, key: ResourceKey) -> bool:
    answers = context.get(FOLLOWING) or {}
    return answers[key] if key in answers else api.is_following(user, key)


def _is_somebody(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False))

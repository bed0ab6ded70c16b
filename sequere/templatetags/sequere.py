"""`{% load sequere %}`: counts, follow buttons, and whether a user follows an instance."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django import template
from django.template import Context

from sequere import api, conf
from sequere.api.arguments import follows_in
from sequere.api.policy import withheld_among
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import shown
from sequere.http import as_follower, follower_of, is_logged_in, user_of
from sequere.registry import registry
from sequere.relations.key import RelationKey

register = template.Library()

#: The context variables with prefetched states, and with who follows. No template can use these names.
STATES, FOLLOWER = "_sequere_states", "_sequere_follower"


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
def pending_count(instance: Any) -> int:
    """The number of those who ask to follow an instance. 1 query."""
    instance, scope = _scoped(instance)
    return api.get_pending_count(instance, scope=scope)


@register.filter
def is_pending(user: Any, instance: Any) -> bool:
    """Whether a resource has asked to follow an instance, and waits: `{% if user|is_pending:other %}`. 1 query; none
    for an anonymous user, and for a user who is not a resource."""
    user, scope = _scoped(user)
    follower = as_follower(user)
    return follower is not None and api.is_pending(follower, instance, scope=scope)


@register.filter
def is_blocked(user: Any, instance: Any) -> bool:
    """Whether a resource has blocked an instance: `{% if user|is_blocked:other %}`. 1 query; none for an anonymous
    user, and for a user who is not a resource."""
    follower = as_follower(user)
    return follower is not None and api.is_blocked(follower, instance)


@register.filter
def is_muted(user: Any, instance: Any) -> bool:
    """Whether a resource has muted an instance, and its time is not over: `{% if user|is_muted:other %}`. The cost is
    that of `is_blocked`."""
    follower = as_follower(user)
    return follower is not None and api.is_muted(follower, instance)


@register.simple_tag(takes_context=True)
def prefetch_following(context: Context, objects: Iterable[Any], scope: str = "") -> str:
    """Query once for all follow buttons of a page: `{% prefetch_following projects %}`. 1 query, 1 if some of them may
    have to accept who follows them, 1 if some are not followed, about blocks and what pauses, and 1 if any may pause.

    Takes instances, or the pairs in lists of followers.
    """
    user = follower(context)
    if user is not None:
        keys = [registry.key_of(_instance_of(one)) for one in objects]
        states = {(key, scope): state for key, state in _states(user, keys, scope).items()}
        context.dicts[0].setdefault(STATES, {}).update(states)
    return ""


@register.inclusion_tag("sequere/follow_button.html", takes_context=True)
def follow_button(context: Context, instance: Any, scope: str = "") -> dict[str, Any]:
    """A form with one button: "Follow", "Following", which unfollows, or "Requested", which takes the request back;
    empty for the user's own instance, for a user who cannot follow, for what `can_follow` refuses, if one of the two
    has blocked the other, and for a follow or a request that pauses. Somebody who is not logged in is asked to do so.

    1 query, 1 if the instance may have to accept who follows it, and 1 if it is not followed, 2 if that may pause;
    none after `prefetch_following`. Needs `request` in the context, and `sequere.urls`.
    """
    user, key = follower(context), registry.key_of(instance)
    is_self = user is not None and registry.key_of(user) == key
    state = State()
    if user is not None and not is_self:
        known = context.get(STATES) or {}
        state = known[key, scope] if (key, scope) in known else _states(user, [key], scope)[key]
    return {
        "instance": instance,
        "key": key,
        "is_self": is_self,
        "is_shown": not is_self and _is_shown(context, user, instance, state),
        "is_following": state.is_following,
        "is_pending": state.is_pending,
        "scope": scope,
        "request": context.get("request"),
        "csrf_token": context.get("csrf_token"),
    }


class State(NamedTuple):
    """What there is between who follows and an instance."""

    is_following: bool = False
    is_pending: bool = False
    #: Whether to follow would change nothing: one of them has blocked the other, or what there is pauses.
    is_withheld: bool = False


def _states(user: ResourceLike, keys: Sequence[ResourceKey], scope: str) -> dict[ResourceKey, State]:
    own, following = registry.key_of(user), api.is_following_many(user, keys, scope=scope)
    others = [key for key in keys if not following[key]]
    asked = [key for key in others if registry.policy_of(key) is not None]
    pending = api.is_pending_many(user, asked, scope=scope) if asked else {}
    free = {key: RelationKey(own, key, follows_in(scope)) for key in others if key != own and not pending.get(key)}
    withheld = withheld_among(free.values()) if free else set()
    return {key: State(following[key], pending.get(key, False), free.get(key) in withheld) for key in keys}


def _is_shown(context: Context, user: ResourceLike | None, instance: Any, state: State) -> bool:
    """A button that would be refused is not shown, and who is blocked is told no more than by `can_follow`."""
    if user is None:
        return not is_logged_in(viewer(context))
    if state.is_following or state.is_pending or isinstance(instance, ResourceKey):
        return not state.is_withheld
    return not state.is_withheld and registry.options_for(instance).can_follow(viewer(context), instance)


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

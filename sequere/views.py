"""Follow, block, mute and their opposites by POST, accept, deny and cancel requests, remove followers, and lists as
JSON.

The form has `identifier` and `object_id`, and may have `scope`, and `next`, an address of this site to redirect to. A
client that asks for JSON gets it, all others are redirected. Refusals are 400 (a field is missing, or no such scope),
403 (not logged in, not allowed, or not a resource), 404 (no such instance) and 409 (oneself, too many, or no request).

Lists take `cursor`, `limit`, `scope`, and `identifier` for one kind of resource.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from django.contrib.auth.views import redirect_to_login
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.log import log_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from sequere import api, following
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import (
    BackendException,
    InvalidObjectId,
    NotPending,
    SelfFollowException,
    UnknownIdentifier,
    UnreadableParameters,
)
from sequere.following import Wanted
from sequere.http import (
    Refused,
    address_of,
    describe,
    find,
    find_visible,
    follower_of,
    is_logged_in,
    json_view,
    nothing_there,
    page_as_json,
    parameters_of,
    scope_of,
    unreadable,
    user_of,
)
from sequere.log.models import Event
from sequere.monitoring.health import DATABASE_DOWN, can_answer, examine
from sequere.registry import registry
from sequere.relations.types import FOLLOW_REQUESTED
from sequere.results.relations import Related, RelationList

logger = logging.getLogger("sequere")

#: For how many hours something can be muted: a century.
MAX_HOURS = 876_600

#: What a request of somebody who follows asks for.
Change: TypeAlias = Callable[[HttpRequest, ResourceLike], HttpResponse]


# So that counts are those after the commit, even with ATOMIC_REQUESTS.
@transaction.non_atomic_requests
@require_POST
@csrf_protect
def follow(request: HttpRequest) -> HttpResponse:
    """Who acts for the request follows an instance. A second follow is not an error."""
    return _answer(request, _follow)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def unfollow(request: HttpRequest) -> HttpResponse:
    """Who acts for the request unfollows an instance. An unfollow without a follow is not an error."""
    return _answer(request, _unfollow)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def accept(request: HttpRequest) -> HttpResponse:
    """Who acts for the request lets an instance follow that has asked to."""
    return _answer(request, partial(_close, api.accept))


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def deny(request: HttpRequest) -> HttpResponse:
    """Who acts for the request does not let an instance follow that has asked to."""
    return _answer(request, partial(_close, api.deny))


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def cancel(request: HttpRequest) -> HttpResponse:
    """Who acts for the request does not ask to follow an instance any more."""
    return _answer(request, partial(_close, api.cancel))


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def remove_follower(request: HttpRequest) -> HttpResponse:
    """Who acts for the request is no longer followed by an instance. If it is not anyway, that is not an error."""
    return _answer(request, _remove_follower)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def block(request: HttpRequest) -> HttpResponse:
    """Who acts for the request blocks an instance. A second block is not an error."""
    return _answer(request, _block)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def unblock(request: HttpRequest) -> HttpResponse:
    """Who acts for the request ends a block. An unblock without a block is not an error."""
    return _answer(request, _unblock)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def mute(request: HttpRequest) -> HttpResponse:
    """Who acts for the request mutes an instance, for as many `hours` as the form says, or for good."""
    return _answer(request, _mute)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def unmute(request: HttpRequest) -> HttpResponse:
    """Who acts for the request ends a mute. An unmute without a mute is not an error."""
    return _answer(request, _unmute)


@json_view
def blocked(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The instances that an instance has blocked, for itself alone."""
    return _unscoped(request, api.get_blocked, _own(request, identifier, object_id))


@json_view
def muted(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The instances that an instance has muted, for itself alone."""
    return _unscoped(request, api.get_muted, _own(request, identifier, object_id))


@json_view
def pending(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """Who asks to follow an instance, for itself alone."""
    return _list(request, api.get_pending, _own(request, identifier, object_id))


@json_view
def pending_with(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """What an instance asks to follow, for itself alone."""
    return _list(request, api.get_pending_with, _own(request, identifier, object_id))


@json_view
def followers(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The followers of an instance, newest first. 2 queries, and 1 per model class."""
    return _list(request, api.get_followers, find_visible(request, identifier, object_id))


@json_view
def followings(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The instances that an instance follows."""
    return _list(request, api.get_followings, find_visible(request, identifier, object_id))


@json_view
def friends(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The instances that follow an instance and are followed by it."""
    return _list(request, api.get_friends, find_visible(request, identifier, object_id))


@json_view
def common_followers(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """Who follows an instance and who follows for the request. 3 queries, and 1 per model class."""
    return _seen_by(request, api.common_followers, find_visible(request, identifier, object_id))


@json_view
def common_followings(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """What an instance and who follows for the request both follow."""
    return _seen_by(request, api.common_followings, find_visible(request, identifier, object_id))


@json_view
def followed_by_followings(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """Those who follow an instance, and are followed by who follows for the request."""
    return _seen_by(request, api.followed_by_followings, find_visible(request, identifier, object_id))


@json_view
def suggestions(request: HttpRequest) -> HttpResponse:
    """What is suggested to who follows for the request."""
    found = api.suggest(_viewer(request), **_narrowing(request))
    return page_as_json(request, found, lambda one: {**describe(one.instance), "shared": one.shared})


# ATOMIC_REQUESTS would query the database before the view can report that it is down.
@transaction.non_atomic_requests
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """The health of the projections, for a monitor: 200, or 503 if something is wrong."""
    found = examine()
    return _state(request, asdict(found), found.problems)


@transaction.non_atomic_requests
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Whether this process can answer requests, for a load balancer: 200, or 503 if it cannot reach the database. A
    projection that is late or failing, or a Redis server that is down, changes nothing. 1 query."""
    is_ready = can_answer()
    return _state(request, {"ready": is_ready}, [] if is_ready else [DATABASE_DOWN])


def _state(request: HttpRequest, state: dict[str, Any], problems: Sequence[str]) -> HttpResponse:
    if not problems:
        return JsonResponse(state)
    response = JsonResponse(state, status=HTTPStatus.SERVICE_UNAVAILABLE)
    # Not an error of the site: Django would log every 503 as one, and mail it to the admins.
    log_response("Not healthy: %s", problems, response=response, request=request, logger=logger, level="debug")
    return response


def _list(request: HttpRequest, get: Callable[..., RelationList], *resources: ResourceLike) -> HttpResponse:
    relations = get(*resources, **_narrowing(request))
    return page_as_json(request, relations, _describe)


def _unscoped(request: HttpRequest, get: Callable[..., RelationList], instance: models.Model) -> HttpResponse:
    return page_as_json(request, get(instance, identifier=_narrowing(request)["identifier"]), _describe)


def _own(request: HttpRequest, identifier: str, object_id: str) -> models.Model:
    """The instance with a key, if it is who follows for a request. Raises Refused."""
    instance, viewer = find(identifier, object_id), follower_of(request)
    if viewer is None or registry.key_of(viewer) != registry.key_of(instance):
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not see that."))
    return instance


def _seen_by(request: HttpRequest, get: Callable[..., RelationList], instance: models.Model) -> HttpResponse:
    return _list(request, get, _viewer(request), instance)


def _viewer(request: HttpRequest) -> ResourceLike:
    """Who follows for a request. Raises Refused."""
    viewer = follower_of(request)
    if viewer is None:
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not see that."))
    return viewer


def _narrowing(request: HttpRequest) -> dict[str, Any]:
    """The scope of a list, and the kind of resources that are asked for. Raises Refused."""
    identifier = request.GET.get("identifier") or None
    try:
        kind = None if identifier is None else registry.identifier_of(identifier)
    except UnknownIdentifier as error:
        raise Refused(HTTPStatus.BAD_REQUEST, _("There is no such identifier.")) from error
    return {"identifier": kind, "scope": scope_of(request.GET.get("scope"))}


def _describe(relation: Related) -> dict[str, Any]:
    instance, since = relation
    return {**describe(instance), "when": since.isoformat()}


def _answer(request: HttpRequest, change: Change) -> HttpResponse:
    try:
        parameters_of(request)
        follower = follower_of(request)
        if follower is not None:
            return change(request, follower)
        if not is_logged_in(user_of(request)):
            return _login(request, change)
        raise Refused(HTTPStatus.FORBIDDEN, _("You cannot follow anything."))
    except UnreadableParameters:
        return _refusal(request, unreadable())
    except Refused as refused:
        return _refusal(request, refused)


def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    return refused.as_json() if _wants_json(request) else refused.as_text()


def _follow(request: HttpRequest, follower: ResourceLike) -> HttpResponse:
    wanted = Wanted.of(request.POST)
    instance, event = following.follow_as_asked(request, follower, wanted)
    is_pending = event.type == FOLLOW_REQUESTED if event else _waits(follower, instance, wanted.scope)
    ends = follower, instance
    return _changed(request, ends, wanted.scope, event, is_following=not is_pending, is_pending=is_pending)


def _waits(follower: ResourceLike, instance: models.Model, scope: str) -> bool:
    """Whether a follow that changes nothing waits to be accepted, as the log says; 1 query if it may have to."""
    if registry.policy_of(registry.key_of(instance)) is None:
        return False
    return api.is_pending(follower, instance, scope=scope, as_of=timezone.now())


def _unfollow(request: HttpRequest, follower: ResourceLike) -> HttpResponse:
    """Needs the key only: a follower can unfollow what is hidden, or no longer registered. For anyone else it is not
    there."""
    resource, scope, event = _ended(request, partial(api.unfollow, follower, fail_silently=True))
    return _changed(request, (follower, resource), scope, event, is_following=False, is_pending=False)


def _remove_follower(request: HttpRequest, instance: ResourceLike) -> HttpResponse:
    """Needs the key only, as an unfollow does."""
    resource, scope, event = _ended(request, partial(api.remove_follower, instance, fail_silently=True))
    return _changed(request, (resource, instance), scope, event, is_following=False, is_pending=False)


def _close(close: Callable[..., Event], request: HttpRequest, actor: ResourceLike) -> HttpResponse:
    """A request is closed by who acts: it is asked, or it asks."""
    try:
        resource, scope, event = _ended(request, partial(close, actor))
    except NotPending as error:
        raise Refused(HTTPStatus.CONFLICT, _("There is no such request.")) from error
    ends = (actor, resource) if close is api.cancel else (resource, actor)
    return _changed(request, ends, scope, event, is_following=close is api.accept, is_pending=False)


def _ended(
    request: HttpRequest, end: Callable[..., Event | None], about_oneself: str | None = None
) -> tuple[ResourceLike, str, Event | None]:
    """What a form names, its scope, and the event of ending something with it. Needs the key only."""
    *names, scope = Wanted.of(request.POST)
    try:
        key = registry.any_key_of(ResourceKey(*names))
        found: ResourceLike | None = registry.load([key]).get(key)
        event = end(key if found is None else found, scope=scope)
    except (UnknownIdentifier, InvalidObjectId) as error:
        raise nothing_there() from error
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, about_oneself or _("You cannot follow yourself.")) from error
    if event is None and found is None:
        raise nothing_there()
    return key if found is None else found, scope, event


def _block(request: HttpRequest, blocker: ResourceLike) -> HttpResponse:
    instance = find(*Wanted.of(request.POST)[:2])
    try:
        event = api.block(blocker, instance)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot block yourself.")) from error
    return _said(request, instance, event, is_blocked=True)


def _unblock(request: HttpRequest, blocker: ResourceLike) -> HttpResponse:
    resource, _scope, event = _ended(request, _without_scope(api.unblock, blocker), _("You cannot block yourself."))
    return _said(request, resource, event, is_blocked=False)


def _mute(request: HttpRequest, muter: ResourceLike) -> HttpResponse:
    instance, until = find(*Wanted.of(request.POST)[:2]), _until(request)
    try:
        event = api.mute(muter, instance, until)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot mute yourself.")) from error
    return _said(request, instance, event, is_muted=True)


def _unmute(request: HttpRequest, muter: ResourceLike) -> HttpResponse:
    resource, _scope, event = _ended(request, _without_scope(api.unmute, muter), _("You cannot mute yourself."))
    return _said(request, resource, event, is_muted=False)


def _without_scope(end: Callable[..., Event | None], owner: ResourceLike) -> Callable[..., Event | None]:
    """A verb about which no scope is asked."""
    return lambda resource, **_: end(owner, resource)


def _until(request: HttpRequest) -> datetime | None:
    """The moment after the `hours` of a form, whole ones, at most those of a century. Raises Refused."""
    hours = request.POST.get("hours", "")
    if not hours:
        return None
    digits = hours.lstrip("0")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(MAX_HOURS)) or int(digits) > MAX_HOURS:
        raise Refused(HTTPStatus.BAD_REQUEST, _("The hours must be a number above 0."))
    return timezone.now() + timedelta(hours=int(digits))


def _said(request: HttpRequest, resource: ResourceLike, event: Event | None, **says: bool) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"changed": event is not None, **says})
    return _redirected(request, resource)


def _changed(
    request: HttpRequest,
    ends: tuple[ResourceLike, ResourceLike],
    scope: str,
    event: Event | None,
    **states: bool,
) -> HttpResponse:
    follower, resource = ends
    if _wants_json(request):
        # The states are what the log says; a read model may not have caught up yet.
        counts = _counts(follower, resource, scope)
        return JsonResponse({"changed": event is not None, **states, **counts})
    return _redirected(request, resource)


def _redirected(request: HttpRequest, resource: ResourceLike) -> HttpResponse:
    address = None if isinstance(resource, ResourceKey) else _ours(request, address_of(resource))
    return HttpResponseRedirect(_next(request) or address or get_script_prefix())


def _counts(follower: ResourceLike, resource: ResourceLike, scope: str) -> dict[str, int | None]:
    """The counts, or None if a server is down, or the model is no longer registered: the change is recorded all the
    same."""
    try:
        return {
            "followers_count": api.get_followers_count(resource, scope=scope),
            "followings_count": api.get_followings_count(follower, scope=scope),
        }
    except (BackendException, UnknownIdentifier, InvalidObjectId):
        return {"followers_count": None, "followings_count": None}


def _login(request: HttpRequest, change: Change) -> HttpResponse:
    if _wants_json(request):
        raise Refused(HTTPStatus.FORBIDDEN, _("Log in first."))
    if change is _follow:
        following.follow_after_login(request, Wanted.of(request.POST))
    return redirect_to_login(_next(request) or get_script_prefix())


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _next(request: HttpRequest) -> str | None:
    """The `next` of the form, if it is on this site."""
    return _ours(request, request.POST.get("next"))


def _ours(request: HttpRequest, url: str | None) -> str | None:
    """A URL, if it is on this site."""
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours else None

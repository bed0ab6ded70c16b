"""Follow, block, mute and their opposites by POST; accept, deny and cancel requests; remove followers.

The form has `identifier` and `object_id`, and may have `scope`, and `next`, an address of this site to redirect to. A
client that asks for JSON gets it, all others are redirected. Refusals are 400 (a field is missing, or no such scope),
403 (not logged in, not allowed, or not a resource), 404 (no such instance) and 409 (oneself, too many, or no request).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from http import HTTPStatus
from typing import TypeAlias

from django.contrib.auth.views import redirect_to_login
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from sequere import api
from sequere.api.arguments import follows_in
from sequere.api.policy import live_in_log
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import (
    BackendException,
    InvalidObjectId,
    NotPending,
    SelfFollowException,
    UnknownIdentifier,
    UnreadableParameters,
)
from sequere.http import (
    Refused,
    address_of,
    find,
    follower_of,
    is_logged_in,
    nothing_there,
    parameters_of,
    unreadable,
    user_of,
)
from sequere.log.models import Event
from sequere.registry import registry
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOW_REQUESTED
from sequere.views.following import Wanted, follow_after_login, follow_as_asked

#: For how many hours something can be muted: a century.
MAX_HOURS = 876_600

#: What a request of somebody who follows asks for.
Change: TypeAlias = Callable[[HttpRequest, ResourceLike], HttpResponse]


def form_view(change: Change, *, waits_for_login: bool = False) -> Callable[[HttpRequest], HttpResponse]:
    """Make a view of a change that somebody asks for with a form; one that may wait until a visitor has logged in."""

    # So that counts are those after the commit, even with ATOMIC_REQUESTS.
    @transaction.non_atomic_requests
    @require_POST
    @csrf_protect
    @wraps(change)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            parameters_of(request)
            follower = follower_of(request)
            if follower is not None:
                return change(request, follower)
            if not is_logged_in(user_of(request)):
                return _login(request, waits_for_login=waits_for_login)
            raise Refused(HTTPStatus.FORBIDDEN, _("You cannot follow anything."))
        except UnreadableParameters:
            return _refusal(request, unreadable())
        except Refused as refused:
            return _refusal(request, refused)

    return answer


@partial(form_view, waits_for_login=True)
def follow(request: HttpRequest, follower: ResourceLike) -> HttpResponse:
    """The actor of the request follows an instance. A second follow is not an error."""
    wanted = Wanted.of(request.POST)
    instance, event = follow_as_asked(request, follower, wanted)
    is_pending = event.type == FOLLOW_REQUESTED if event else _waits(follower, instance, wanted.scope)
    ends = follower, instance
    return _changed(request, ends, wanted.scope, event, is_following=not is_pending, is_pending=is_pending)


@form_view
def unfollow(request: HttpRequest, follower: ResourceLike) -> HttpResponse:
    """The actor of the request unfollows an instance. An unfollow without a follow is not an error.

    Needs the key only: a follower can unfollow what is hidden, or no longer registered. For anyone else it is not
    there.
    """
    resource, scope, event = _ended(request, partial(api.unfollow, follower, fail_silently=True))
    return _changed(request, (follower, resource), scope, event, is_following=False, is_pending=False)


@form_view
def accept(request: HttpRequest, actor: ResourceLike) -> HttpResponse:
    """The actor of the request lets an instance follow that has asked to."""
    return _closed(request, api.accept, actor)


@form_view
def deny(request: HttpRequest, actor: ResourceLike) -> HttpResponse:
    """The actor of the request does not let an instance follow that has asked to."""
    return _closed(request, api.deny, actor)


@form_view
def cancel(request: HttpRequest, actor: ResourceLike) -> HttpResponse:
    """The actor of the request does not ask to follow an instance any more."""
    return _closed(request, api.cancel, actor)


@form_view
def remove_follower(request: HttpRequest, instance: ResourceLike) -> HttpResponse:
    """The actor of the request removes a follower. To remove one who does not follow is not an error. Needs the key
    only, as an unfollow does."""
    resource, scope, event = _ended(request, partial(api.remove_follower, instance, fail_silently=True))
    return _changed(request, (resource, instance), scope, event, is_following=False, is_pending=False)


@form_view
def block(request: HttpRequest, blocker: ResourceLike) -> HttpResponse:
    """The actor of the request blocks an instance. A second block is not an error."""
    instance = find(*Wanted.of(request.POST)[:2])
    try:
        event = api.block(blocker, instance)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot block yourself.")) from error
    return _said(request, instance, event, is_blocked=True)


@form_view
def unblock(request: HttpRequest, blocker: ResourceLike) -> HttpResponse:
    """The actor of the request ends a block. An unblock without a block is not an error."""
    resource, _scope, event = _ended(request, _without_scope(api.unblock, blocker), _("You cannot block yourself."))
    return _said(request, resource, event, is_blocked=False)


@form_view
def mute(request: HttpRequest, muter: ResourceLike) -> HttpResponse:
    """The actor of the request mutes an instance, for as many `hours` as the form says, or for good."""
    instance, until = find(*Wanted.of(request.POST)[:2]), _until(request)
    try:
        event = api.mute(muter, instance, until)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot mute yourself.")) from error
    return _said(request, instance, event, is_muted=True)


@form_view
def unmute(request: HttpRequest, muter: ResourceLike) -> HttpResponse:
    """The actor of the request ends a mute. An unmute without a mute is not an error."""
    resource, _scope, event = _ended(request, _without_scope(api.unmute, muter), _("You cannot mute yourself."))
    return _said(request, resource, event, is_muted=False)


def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    return refused.as_json() if _wants_json(request) else refused.as_text()


def _waits(follower: ResourceLike, instance: models.Model, scope: str) -> bool:
    """Whether a follow that changes nothing waits to be accepted, as the log says, also while it pauses; 1 query if it
    may have to."""
    key = registry.key_of(instance)
    if registry.policy_of(key) is None:
        return False
    request = RelationKey(registry.key_of(follower), key, follows_in(scope)).asking
    return request is not None and bool(live_in_log([request]))


def _closed(request: HttpRequest, close: Callable[..., Event], actor: ResourceLike) -> HttpResponse:
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


def _login(request: HttpRequest, *, waits_for_login: bool) -> HttpResponse:
    if _wants_json(request):
        raise Refused(HTTPStatus.FORBIDDEN, _("Log in first."))
    if waits_for_login:
        follow_after_login(request, Wanted.of(request.POST))
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

"""Follow and unfollow by POST, with JSON for those who ask for it and a redirect for the rest.

The form has `identifier` and `object_id`, and may have `next`, an address of this site to go on to. Refusals are 400
(what is missing), 403 (not logged in, or not allowed), 404 (what is to be followed is not there) and 409 (oneself).
"""

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from sequere import api
from sequere.base import ResourceKey
from sequere.exceptions import InvalidObjectId, SelfFollowException, UnknownIdentifier
from sequere.health import examine
from sequere.registry import registry


@require_POST
@csrf_protect
def follow(request: HttpRequest) -> HttpResponse:
    """The user of the request follows an instance. No news is no error."""
    return _change(request, api.follow, asks_permission=True)


@require_POST
@csrf_protect
def unfollow(request: HttpRequest) -> HttpResponse:
    """The user of the request no longer follows an instance. No news is no error."""
    return _change(request, api.unfollow, asks_permission=False)


# ATOMIC_REQUESTS would ask the database before we can say that it is down.
@transaction.non_atomic_requests
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """Whether the projections keep up, for a monitor: 200, or 503 where something is wrong."""
    found = examine()
    return JsonResponse(asdict(found), status=HTTPStatus.OK if found.healthy else HTTPStatus.SERVICE_UNAVAILABLE)


def _change(request: HttpRequest, verb: Callable[..., Any], *, asks_permission: bool) -> HttpResponse:
    if not request.user.is_authenticated:
        return _login(request)
    identifier, object_id = request.POST.get("identifier"), request.POST.get("object_id")
    if not identifier or not object_id:
        return _refusal(request, HTTPStatus.BAD_REQUEST, _("Say whom, with identifier and object_id."))
    instance = _find(identifier, object_id)
    if instance is None:
        return _refusal(request, HTTPStatus.NOT_FOUND, _("There is nothing like that."))
    if asks_permission and not registry.options_of(type(instance)).can_follow(request.user, instance):
        return _refusal(request, HTTPStatus.FORBIDDEN, _("You may not follow that."))
    try:
        event = verb(request.user, instance, fail_silently=True)
    except SelfFollowException:
        return _refusal(request, HTTPStatus.CONFLICT, _("Nobody can follow himself."))
    if _wants_json(request):
        return JsonResponse(
            {
                "changed": event is not None,
                "is_following": api.is_following(request.user, instance),
                "followers_count": api.get_followers_count(instance),
                "followings_count": api.get_followings_count(request.user),
            }
        )
    return redirect(_next(request) or getattr(instance, "get_absolute_url", lambda: "/")())


def _find(identifier: str, object_id: str) -> Any:
    """The instance with this key, if there is one that the registry shows."""
    try:
        key = registry.key_of(ResourceKey(identifier, object_id))
    except (UnknownIdentifier, InvalidObjectId):
        return None
    return registry.load([key]).get(key)


def _login(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        return _refusal(request, HTTPStatus.FORBIDDEN, _("Log in first."))
    return redirect_to_login(_next(request) or "/")


def _refusal(request: HttpRequest, status: HTTPStatus, reason: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"error": reason}, status=status)
    return HttpResponse(reason, status=status, content_type="text/plain; charset=utf-8")


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _next(request: HttpRequest) -> str | None:
    """Where the form wants to go on, if that is on this site."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_ours else None

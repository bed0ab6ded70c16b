"""Follow and unfollow by POST, and lists of followers, followings and friends as JSON.

The form has `identifier` and `object_id`, and may have `next`, an address of this site to redirect to. A client that
asks for JSON gets it, all others are redirected. Refusals are 400 (a field is missing), 403 (not logged in, or not
allowed), 404 (no such instance) and 409 (oneself).

Lists take `cursor`, `limit`, and `identifier` for one kind of resource.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import get_script_prefix
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.log import log_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from sequere import api
from sequere.exceptions import BackendException, SelfFollowException, UnknownIdentifier
from sequere.http import Refused, address_of, describe, find, find_visible, json_view, page_as_json
from sequere.monitoring.health import examine
from sequere.registry import registry
from sequere.results.relations import Related, RelationList

logger = logging.getLogger("sequere")


# So that counts are those after the commit, even with ATOMIC_REQUESTS.
@transaction.non_atomic_requests
@require_POST
@csrf_protect
def follow(request: HttpRequest) -> HttpResponse:
    """The user of the request follows an instance. A second follow is not an error."""
    return _answer(request, _follow)


@transaction.non_atomic_requests
@require_POST
@csrf_protect
def unfollow(request: HttpRequest) -> HttpResponse:
    """The user of the request unfollows an instance. An unfollow without a follow is not an error."""
    return _answer(request, _unfollow)


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


# ATOMIC_REQUESTS would query the database before the view can report that it is down.
@transaction.non_atomic_requests
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """The health of the projections, for a monitor: 200, or 503 if something is wrong."""
    found = examine()
    if found.healthy:
        return JsonResponse(asdict(found))
    response = JsonResponse(asdict(found), status=HTTPStatus.SERVICE_UNAVAILABLE)
    # Not an error of the site: Django would log every 503 as one, and mail it to the admins.
    log_response("Not healthy: %s", found.problems, response=response, request=request, logger=logger, level="debug")
    return response


def _list(request: HttpRequest, get: Callable[..., RelationList], instance: models.Model) -> HttpResponse:
    try:
        relations = get(instance, identifier=request.GET.get("identifier") or None)
    except UnknownIdentifier as error:
        raise Refused(HTTPStatus.BAD_REQUEST, _("There is no such identifier.")) from error
    return page_as_json(request, relations, _describe)


def _describe(relation: Related) -> dict[str, Any]:
    instance, since = relation
    return {**describe(instance), "when": since.isoformat()}


def _answer(request: HttpRequest, change: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    try:
        return change(request)
    except Refused as refused:
        return refused.as_json() if _wants_json(request) else refused.as_text()


def _follow(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return _login(request)
    instance = _found(request)
    if not registry.options_of(type(instance)).can_follow(request.user, instance):
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not follow that."))
    return _changed(request, instance, api.follow, is_following=True)


def _unfollow(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return _login(request)
    return _changed(request, _found(request), api.unfollow, is_following=False)


def _found(request: HttpRequest) -> models.Model:
    identifier, object_id = request.POST.get("identifier"), request.POST.get("object_id")
    if not identifier or not object_id:
        raise Refused(HTTPStatus.BAD_REQUEST, _("Give an identifier and an object_id."))
    return find(identifier, object_id)


def _changed(
    request: HttpRequest, instance: models.Model, verb: Callable[..., Any], *, is_following: bool
) -> HttpResponse:
    user: Any = request.user
    try:
        event = verb(user, instance, fail_silently=True)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot follow yourself.")) from error
    if _wants_json(request):
        # `is_following` is what the log says; a read model may not have caught up yet.
        return JsonResponse({"changed": event is not None, "is_following": is_following, **_counts(user, instance)})
    return HttpResponseRedirect(_next(request) or _ours(request, address_of(instance)) or get_script_prefix())


def _counts(user: Any, instance: models.Model) -> dict[str, int | None]:
    """The counts, or None if a server is down: the change is recorded all the same."""
    try:
        return {
            "followers_count": api.get_followers_count(instance),
            "followings_count": api.get_followings_count(user),
        }
    except BackendException:
        return {"followers_count": None, "followings_count": None}


def _login(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        raise Refused(HTTPStatus.FORBIDDEN, _("Log in first."))
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

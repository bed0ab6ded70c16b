"""Lists as JSON, for GET. They take `cursor`, `limit`, `scope`, and `identifier` for one kind of resource."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from sequere import api
from sequere.base import ResourceLike
from sequere.exceptions import UnknownIdentifier
from sequere.http import Refused, describe, find, find_visible, follower_of, json_view, page_as_json, scope_of
from sequere.registry import registry
from sequere.results.relations import Related, RelationList


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

"""Timelines as JSON, with `cursor`, `limit`, and the filters `verb` and `target` (a kind, or `kind:key`)."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from sequere.base import ResourceKey
from sequere.exceptions import InvalidObjectId, UnknownIdentifier
from sequere.http import (
    Refused,
    describe,
    find,
    find_visible,
    follower_of,
    is_logged_in,
    json_view,
    may_view_private,
    page_as_json,
    user_of,
)
from sequere.registry import registry
from sequere.texts import is_storable
from sequere_timeline.actions import Action
from sequere_timeline.timeline import Timeline


@json_view
def public(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The public timeline of an instance, newest first. 2 queries, and 1 per model class."""
    timeline = Timeline(find_visible(request, identifier, object_id))
    return page_as_json(request, timeline.get_public(**_filters(request)), _describe)


@never_cache
@json_view
def private(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    """The private timeline of an instance, with the reasons of each entry, for the instance only."""
    follower, user = follower_of(request), user_of(request)
    if follower is None and not is_logged_in(user):
        raise Refused(HTTPStatus.FORBIDDEN, _("Log in first."))
    instance = find(identifier, object_id)
    if not may_view_private(follower, user, instance):
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not see that."))
    return page_as_json(request, Timeline(instance).get_private(**_filters(request)), _describe_private)


def _describe(action: Action) -> dict[str, Any]:
    return {
        "uid": action.uid,
        "verb": action.verb,
        "label": str(action),
        "when": action.date.isoformat(),
        "actor": describe(action.actor),
        "target": None if action.target is None else describe(action.target),
        "target_deleted": action.target_deleted,
        "data": {name: value for name, value in action.kwargs.items() if name in action.public_kwargs},
    }


def _describe_private(action: Action) -> dict[str, Any]:
    return {**_describe(action), "reasons": sorted(action.reasons)}


def _filters(request: HttpRequest) -> dict[str, Any]:
    return {"action": _verb(request.GET.get("verb")), "target": _target(request.GET.get("target"))}


def _verb(verb: str | None) -> str | None:
    if verb and not is_storable(verb):
        raise Refused(HTTPStatus.BAD_REQUEST, _("The verb is invalid."))
    return verb or None


def _target(name: str | None) -> str | ResourceKey | None:
    """A kind of resource, or one resource: "project" or "project:1"."""
    if not name:
        return None
    identifier, colon, object_id = name.partition(":")
    try:
        return registry.key_of(ResourceKey(identifier, object_id)) if colon else registry.identifier_of(identifier)
    except (UnknownIdentifier, InvalidObjectId) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, _("The target is invalid.")) from error

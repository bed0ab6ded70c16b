"""The common part of the views: the instance of a request, refusals with a reason, and pages of a list as JSON."""

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.utils.encoding import escape_uri_path
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from sequere import conf
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import (
    AnonymousInstance,
    BackendException,
    InvalidCursor,
    InvalidObjectId,
    NoInstance,
    NotRegistered,
    UnknownIdentifier,
    UnreadableParameters,
    UnsavedInstance,
)
from sequere.registry import registry
from sequere.results.lazy import LazyList
from sequere.texts import is_storable

_logger = logging.getLogger("sequere")

Item = TypeVar("Item")

#: Entries on a page at most, unless SEQUERE_PAGE_SIZE is larger.
MAX_LIMIT = 100


class Refused(Exception):  # every view catches it
    """The refusal of a request, with a reason for people."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def as_json(self) -> JsonResponse:
        return JsonResponse({"error": self.reason}, status=self.status)

    def as_text(self) -> HttpResponse:
        return HttpResponse(self.reason, status=self.status, content_type="text/plain; charset=utf-8")


def json_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a read-only view whose refusals are JSON too."""

    @require_safe
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            parameters_of(request)
            return view(request, *args, **kwargs)
        except Refused as refused:
            return refused.as_json()
        except UnreadableParameters:
            return unreadable().as_json()
        except InvalidCursor:
            reason = _("The cursor is invalid. Start without one.")
            return Refused(HTTPStatus.BAD_REQUEST, reason).as_json()
        except BackendException as error:
            _logger.error("%s", error)
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, _("This cannot be read at the moment.")).as_json()

    return answer


def parameters_of(request: HttpRequest) -> QueryDict:
    """The parameters in the address of a request, or those of a form that is posted. A client chooses how they are
    encoded: raises UnreadableParameters, Django's 400, for texts that cannot be encoded in UTF-8.

    A NUL is left to the question: nothing has it.
    """
    given = request.POST if request.method == "POST" else request.GET
    texts = (text for name, values in given.lists() for text in (name, *values))
    if all(is_storable(text.replace("\x00", "")) for text in texts):
        return given
    raise UnreadableParameters


def address_with(parameters: QueryDict, **changes: Any) -> str:
    """The address of the same page with other parameters, in UTF-8; those that are None are removed."""
    changed = parameters.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = str(value)
    return f"?{urlencode(list(changed.lists()), doseq=True)}"


def follower_of(request: HttpRequest) -> ResourceLike | None:
    """Who follows for a request, as SEQUERE_FOLLOWER_OF_REQUEST says; None for nobody (`as_follower()`)."""
    choose = conf.follower_of_request()
    if choose is None:
        return as_follower(user_of(request))
    return as_follower((import_string(choose) if isinstance(choose, str) else choose)(request))


def user_of(request: HttpRequest) -> Any:
    """The user of a request, who may be anonymous; None without AuthenticationMiddleware."""
    return getattr(request, "user", None)


def is_logged_in(user: Any) -> bool:
    return bool(getattr(user, "is_authenticated", False))


def as_follower(user: Any) -> ResourceLike | None:
    """A user who can follow. None for nobody, for an anonymous user, and for a user who is not a resource, such as one
    of a model that is not registered, or one whom a token describes. For what is not a user, raises what naming an
    instance raises."""
    if user is None or user == "":  # a template has "" for a name that it does not know
        return None
    try:
        registry.key_of(user)
    except AnonymousInstance:
        return None
    except (NoInstance, NotRegistered, UnsavedInstance):
        if is_logged_in(user):
            return None
        raise
    return user  # type: ignore[no-any-return]  # it has a key


def may_view_private(follower: ResourceLike | None, user: Any, instance: models.Model) -> bool:
    """Whether the private timeline of an instance is for who follows, or else for the user, of a request."""
    viewer = user if follower is None else follower
    if follower is not None and registry.key_of(follower) == registry.key_of(instance):
        viewer = instance  # a key, or an instance of another class, may name it as well
    return registry.options_for(instance).can_view_private(viewer, instance)


def find(identifier: str, object_id: str) -> models.Model:
    """The instance with this key, if its model shows it. 1 query. Raises Refused."""
    try:
        key = registry.key_of(ResourceKey(identifier, object_id))
    except (UnknownIdentifier, InvalidObjectId) as error:
        raise nothing_there() from error
    instance = registry.load([key]).get(key)
    if instance is None:
        raise nothing_there()
    return instance


def find_visible(request: HttpRequest, identifier: str, object_id: str) -> models.Model:
    """The same, if the user of the request may see its lists."""
    instance = find(identifier, object_id)
    if not registry.options_for(instance).can_view(user_of(request), instance):
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not see that."))
    return instance


def scope_of(text: str | None) -> str:
    """The scope that a request names: one that SEQUERE_SCOPES lists, since a client must not make new ones. Raises
    Refused."""
    if text and text not in (conf.scopes() or ()):
        raise Refused(HTTPStatus.BAD_REQUEST, _("There is no such scope."))
    return text or ""


def describe(instance: models.Model) -> dict[str, Any]:
    """An instance as JSON."""
    key = registry.key_of(instance)
    return {
        "identifier": key.identifier,
        "object_id": key.object_id,
        "label": str(instance),
        "url": address_of(instance),
    }


def address_of(instance: models.Model) -> str | None:
    get_absolute_url = getattr(instance, "get_absolute_url", None)
    return get_absolute_url() if get_absolute_url else None


def page_as_json(
    request: HttpRequest, items: LazyList[Item], describe_item: Callable[[Item], dict[str, Any]]
) -> JsonResponse:
    """The page for the `cursor` and `limit` of a request, with links to the pages around it and to the first one (RFC
    8288).

    1 query, and 1 per model class. Raises Refused, InvalidCursor.
    """
    page = items.page(_limit(request), request.GET.get("cursor"))
    cursors = {"next": page.next_cursor, "previous": page.previous_cursor}
    addresses = {name: _address(request, cursor) if cursor else None for name, cursor in cursors.items()}
    answer = JsonResponse({"results": [describe_item(item) for item in page], **addresses})
    links = {"next": addresses["next"], "prev": addresses["previous"], "first": _address(request, None)}
    answer.headers["Link"] = ", ".join(f'<{address}>; rel="{rel}"' for rel, address in links.items() if address)
    return answer


def unreadable() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, _("The parameters cannot be read."))


def nothing_there() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, _("There is no such instance."))


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(conf.page_size()))
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        raise Refused(HTTPStatus.BAD_REQUEST, _("The limit must be a number above 0."))
    # int() refuses numbers of thousands of digits.
    return min(int(digits[:9]), max(MAX_LIMIT, conf.page_size()))


def _address(request: HttpRequest, cursor: str | None) -> str:
    """The URL of the request, with another cursor or none."""
    query = address_with(request.GET, cursor=cursor)
    base = f"{request.scheme}://{request.get_host()}{escape_uri_path(request.path)}"
    return base if query == "?" else base + query

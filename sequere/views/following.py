"""A follow that a request asks for: whom, and whether that is allowed. If nobody is logged in, it waits for a login."""

import logging
from http import HTTPStatus
from time import time
from typing import Any, NamedTuple

from django.contrib.auth.signals import user_logged_in
from django.db import models
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from sequere import api
from sequere.base import ResourceLike
from sequere.exceptions import (
    Blocked,
    FollowNotAllowed,
    InvalidEventData,
    SelfFollowException,
    SequereException,
    TooManyFollowings,
)
from sequere.http import Refused, find, follower_of, scope_of, user_of
from sequere.log.models import Event
from sequere.registry import registry

_logger = logging.getLogger("sequere")

#: Where the session of a visitor keeps the follow that waits, and since when.
WAITING = "sequere_follow"
#: Seconds that it waits: later, somebody else may log in.
SECONDS_TO_LOG_IN = 15 * 60


class Wanted(NamedTuple):
    """Whom to follow, as a form says it."""

    identifier: str
    object_id: str
    scope: str

    @classmethod
    def of(cls, form: QueryDict) -> "Wanted":
        """Raises Refused."""
        identifier, object_id = form.get("identifier"), form.get("object_id")
        if not identifier or not object_id:
            raise Refused(HTTPStatus.BAD_REQUEST, _("Give an identifier and an object_id."))
        return cls(identifier, object_id, scope_of(form.get("scope")))


def follow_as_asked(request: HttpRequest, follower: ResourceLike, wanted: Wanted) -> tuple[models.Model, Event | None]:
    """Who acts for a request follows an instance: that one, and the event, None if it follows already. Raises
    Refused."""
    identifier, object_id, scope = wanted
    instance = find(identifier, object_id)
    message = request.POST.get("message", "")
    if not registry.options_for(instance).can_follow(user_of(request), instance):
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not follow that."))
    try:
        return instance, api.follow(follower, instance, fail_silently=True, scope=scope, message=message)
    except SelfFollowException as error:
        raise Refused(HTTPStatus.CONFLICT, _("You cannot follow yourself.")) from error
    except TooManyFollowings as error:
        raise Refused(HTTPStatus.CONFLICT, _("You follow as many as you may.")) from error
    except InvalidEventData as error:
        raise Refused(HTTPStatus.BAD_REQUEST, _("The message is too long, or cannot be stored.")) from error
    except (Blocked, FollowNotAllowed) as error:  # nobody is told who has blocked whom
        raise Refused(HTTPStatus.FORBIDDEN, _("You may not follow that.")) from error


def follow_after_login(request: HttpRequest, wanted: Wanted) -> None:
    """Leave a follow to the login of the visitor. Without sessions, it is forgotten."""
    if hasattr(request, "session"):
        request.session[WAITING] = [*wanted, time()]


def follow_now(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """Do what was left to this login. A login never fails for it."""
    *wanted, since = getattr(request, "session", {}).pop(WAITING, [0.0])
    if request is None or not wanted or time() - since > SECONDS_TO_LOG_IN:
        return
    if not hasattr(request, "user"):  # without the middleware, as in the test client, a login does not say so
        request.user = user
    follower = follower_of(request)
    if follower is not None:
        try:
            follow_as_asked(request, follower, Wanted(*wanted))
        except (Refused, SequereException) as error:
            _logger.info("A follow of %s was left to a login, and is refused: %s", ":".join(wanted[:2]), error)


def connect_login() -> None:
    user_logged_in.connect(follow_now, dispatch_uid="sequere.follow_now")

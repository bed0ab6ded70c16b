"""Adds the user, the path and a correlation id to the metadata of everything that a request records."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import models
from django.db.models.signals import pre_delete
from django.http import HttpRequest, HttpResponseBase

from sequere.exceptions import shown
from sequere.http import is_logged_in, user_of
from sequere.log.metadata import event_metadata
from sequere.registry import remember_key
from sequere.texts import storable

#: The headers in which a proxy or another service passes a correlation id, in order of preference.
CORRELATION_HEADERS = ("X-Correlation-ID", "X-Request-ID")
_MAX_LENGTH = 200

GetResponse = Callable[[HttpRequest], Any]


class SequereMiddleware:
    """Add it to MIDDLEWARE after AuthenticationMiddleware. It costs nothing until something is recorded."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        pre_delete.connect(remember_key, sender=settings.AUTH_USER_MODEL, dispatch_uid="sequere.remember_user")
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self.get_response):
            return self._awaited(request)
        with _metadata_of(request):
            return self.get_response(request)

    async def _awaited(self, request: HttpRequest) -> HttpResponseBase:
        with _metadata_of(request):
            response: HttpResponseBase = await self.get_response(request)
            return response


def _metadata_of(request: HttpRequest) -> AbstractContextManager[None]:
    given = (request.headers.get(header) for header in CORRELATION_HEADERS)
    return event_metadata(
        who=lambda: _user_of(request),
        request=_text(request.path),
        correlation_id=_text(next(filter(None, given), None) or uuid4().hex),
    )


def _user_of(request: HttpRequest) -> Any:
    """Who is logged in: an instance, or the text of what is not one, such as a user that a token describes."""
    user = user_of(request)
    if not is_logged_in(user):
        return None
    return user if isinstance(user, models.Model) else _text(shown(user))


def _text(value: str) -> str:
    """The text of a client, in a form that the log can store."""
    return storable(value)[:_MAX_LENGTH]

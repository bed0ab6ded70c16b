"""The common part of the pages about events and projections: nobody can add, change or delete there."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.http import HttpRequest
from django.template.response import TemplateResponse

from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.http import parameters_of
from sequere.log.models import Event

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
else:  # not generic when it runs
    ModelAdmin = admin.ModelAdmin

#: A BIGINT holds any number of this many digits.
MAX_DIGITS = 18


#: The days that a form takes.
DAYS = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class DateInput(forms.DateInput):
    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else value


class ReadOnlyAdmin(ModelAdmin):
    """An admin with its own pages, where nobody can edit, not even superusers."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may(self, request: HttpRequest, verb: str) -> bool:
        """Whether the user has the permission of a verb, such as `export_event`."""
        return may(request, f"{verb}_{self.opts.model_name}")

    def demand(self, request: HttpRequest, *verbs: str) -> None:
        """Raise PermissionDenied unless the user may view the pages, and has the permissions of all verbs; and
        UnreadableParameters."""
        parameters_of(request)
        if not (self.has_view_permission(request) and all(self.may(request, verb) for verb in verbs)):
            raise PermissionDenied

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of this admin."""
        request.current_app = self.admin_site.name  # the URLs of this site
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/sequere/{template}", context)


def may(request: HttpRequest, codename: str) -> bool:
    """Whether the user has one of the permissions of Sequere."""
    return bool(request.user.has_perm(f"sequere.{codename}"))


def whole_number(text: str) -> int | None:
    """The number in a parameter, if it can be the id of an event."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else None


def timeline_of(event: Event) -> ResourceKey | None:
    """The owner of the timeline that an event has changed; None if its type changes none."""
    event_type = event_types.get(event.type)
    return event_type.timeline_of(event) if event_type and event_type.has_timeline else None


def data_of(event: Event) -> tuple[Any, str]:
    """The data of an event in the newest version, and ""; as they are stored, and the error, if an upcaster fails."""
    try:
        return event.data, ""
    except Exception as error:  # noqa: BLE001  # whatever an upcaster of the host does
        return event.stored_data, f"{type(error).__name__}: {error}"

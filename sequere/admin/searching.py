"""What an auditor asks for: the form above the list of events, and the events that it means."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import AdminSite
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sequere.admin.names import admin_of
from sequere.admin.pages import whole_number
from sequere.admin.reading import Selection, first_id_since
from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import InvalidObjectId
from sequere.log.models import is_correlated
from sequere.log.types import TYPES
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere.sql.conditions import is_

#: How many instances of a model a search by name takes up.
INSTANCES = 20
#: Ids and times do not grow strictly together: an id is looked for this much earlier and later than its time.
JITTER = timedelta(hours=1)
DAYS = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class DateInput(forms.DateInput):
    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else value


class EventsForm(forms.Form):
    """Which events to list. Every field is optional."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"type": "search", "aria-describedby": "events-help"}),
    )
    type = forms.CharField(label=_("Type"), required=False, max_length=50)
    verb = forms.CharField(label=_("Verb"), required=False, max_length=255)
    identifier = forms.CharField(label=_("Kind"), required=False, max_length=50)
    since = forms.DateField(label=_("From"), required=False, widget=DateInput(), validators=DAYS)
    until = forms.DateField(label=_("To"), required=False, widget=DateInput(), validators=DAYS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name in self.offers():
            self.fields[name].widget.attrs |= {"list": f"events-{name}", "autocomplete": "off"}

    def offers(self) -> Mapping[str, list[str]]:
        """What is offered where any text may be entered: a log outlives the names that a project knows now."""
        verbs = {str(action.verb) for options in registry for action in options.actions}
        return {"type": sorted(TYPES), "verb": sorted(verbs), "identifier": sorted(_identifiers())}


@dataclass(slots=True)
class Found:
    """What a search means."""

    ways: list[models.Q] = field(default_factory=list)
    #: The resources that were found by name.
    keys: list[ResourceKey] = field(default_factory=list)
    #: Whether there are more of them than are shown.
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A form that was filled in, as events of the log."""

    selection: Selection
    found: Found = field(default_factory=Found)


def asked(values: Mapping[str, Any], request: HttpRequest, site: AdminSite, using: str) -> Asked:
    """What the cleaned values of an EventsForm mean. 1 query for each date, 1 for each model that is searched."""
    found = _search(values.get("q", "").strip(), values.get("identifier", ""), request, site)
    filters = models.Q()
    for name in ("type", "verb"):
        if value := values.get(name):
            filters &= models.Q(**{name: value})
    if identifier := values.get("identifier"):
        filters &= models.Q(actor_identifier=identifier) | models.Q(target_identifier=identifier)
    first, last = 1, None
    if since := values.get("since"):
        moment = _midnight(since)
        filters &= models.Q(recorded_at__gte=moment)
        first = first_id_since(moment - JITTER, using)
    if until := values.get("until"):
        moment = _midnight(until + timedelta(days=1))
        filters &= models.Q(recorded_at__lt=moment)
        last = first_id_since(moment + JITTER, using) - 1
    return Asked(Selection(tuple(found.ways), filters, first, last), found)


def about(key: ResourceKey) -> list[models.Q]:
    """The ways to the events of a resource."""
    return [is_(key, "actor_"), is_(key, "target_")]


def _search(term: str, identifier: str, request: HttpRequest, site: AdminSite) -> Found:
    """What a text may be: an id, a stream, a correlation id, a key, or what the admin of a model finds instances by."""
    if not term:
        return Found([models.Q()])
    found = Found(list(_exact(term)))
    if key := _key(term) or (_key(f"{identifier}:{term}") if identifier else None):
        found.ways += about(key)
    elif len(found.ways) == 1:  # nothing but a correlation id, which any text may be
        kind, colon, name = term.partition(":")
        if not colon or kind not in _identifiers():
            kind, name = identifier, term
        for options in registry:
            if kind in {"", options.get_identifier()}:
                _find_instances(options, name, found, request, site)
        found.ways += [way for key in found.keys for way in about(key)]
    return found


def _exact(term: str) -> Iterator[models.Q]:
    yield is_correlated(term)
    if (event_id := whole_number(term)) is not None:
        yield models.Q(pk=event_id)
    with suppress(ValueError):
        yield models.Q(stream=UUID(term))


def _key(term: str) -> ResourceKey | None:
    """The key that a text like "user:1" is, in its canonical form; also one of a model that is no longer registered."""
    identifier, colon, object_id = term.partition(":")
    if not (colon and object_id and identifier.isidentifier()):
        return None
    key = ResourceKey(identifier, object_id)
    if identifier not in _identifiers():
        return key
    try:
        return registry.key_of(key)
    except InvalidObjectId:
        return None


def _find_instances(options: ModelBase, name: str, found: Found, request: HttpRequest, site: AdminSite) -> None:
    """Add the instances that a model's own admin finds, if the user may see them there. 1 query."""
    model_admin = admin_of(options.model, site)
    if model_admin is None or not model_admin.has_view_permission(request):
        return
    if not model_admin.get_search_fields(request):
        return
    instances, _may_repeat = model_admin.get_search_results(request, model_admin.get_queryset(request), name)
    pks = list(instances.order_by("pk").values_list("pk", flat=True).distinct()[: INSTANCES + 1])
    found.has_more = found.has_more or len(pks) > INSTANCES
    found.keys += [registry.key_of(ResourceKey(options.get_identifier(), str(pk))) for pk in pks[:INSTANCES]]


def _identifiers() -> set[str]:
    return {options.get_identifier() for options in registry}


def _midnight(day: date) -> datetime:
    return point_in_time(datetime.combine(day, time.min))

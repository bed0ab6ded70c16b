"""The form above the list of events, and the events that it asks for."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sequere.admin.names import admin_of
from sequere.admin.pages import DAYS, DateInput, whole_number
from sequere.base import ModelBase, ResourceKey
from sequere.event_types import event_types
from sequere.log.paging import Selection
from sequere.registry import registry
from sequere.texts import is_storable

#: A search by name takes this many instances of each model.
INSTANCES = 20


class EventsForm(forms.Form):
    """Selects events. Every field is optional."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"type": "search", "aria-describedby": "events-help"}),
    )
    type = forms.CharField(label=_("Type"), required=False, max_length=50)
    verb = forms.CharField(label=_("Verb"), required=False, max_length=255)
    identifier = forms.CharField(label=_("Kind"), required=False, max_length=50)
    who = forms.CharField(label=_("By"), required=False, max_length=255)
    timeline = forms.CharField(label=_("Timeline"), required=False, max_length=255)
    since = forms.DateField(label=_("From"), required=False, widget=DateInput(), validators=DAYS)
    until = forms.DateField(label=_("To"), required=False, widget=DateInput(), validators=DAYS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name in self.offers():
            self.fields[name].widget.attrs |= {"list": f"events-{name}", "autocomplete": "off"}
        for name in ("who", "timeline"):
            self.fields[name].widget.attrs["placeholder"] = "user:1"
        if not event_types.with_timelines():
            del self.fields["timeline"]

    def clean_timeline(self) -> ResourceKey | None:
        text = self.cleaned_data["timeline"].strip()
        key = registry.key_named(text)
        if text and key is None:
            raise ValidationError(_("Give a resource, such as user:1."))
        return key

    def offers(self) -> Mapping[str, list[str]]:
        """Suggestions only, since a log outlives the names that a project knows today."""
        verbs = {str(action.verb) for options in registry for action in options.actions}
        return {
            "type": sorted(event_type.name for event_type in event_types),
            "verb": sorted(verbs),
            "identifier": sorted(_identifiers()),
        }


@dataclass(slots=True)
class Search:
    """The events that a form asks for."""

    selection: Selection = field(default_factory=lambda: Selection(sources=()))
    #: The resources that were found by name.
    keys: list[ResourceKey] = field(default_factory=list)
    #: Whether more resources have such a name.
    has_more: bool = False

    def add(self, selection: Selection) -> None:
        """Look for these events too."""
        self.selection = Selection((*self.selection.sources, *selection.sources))


def search(values: Mapping[str, Any], request: HttpRequest, site: AdminSite, using: str) -> Search:
    """The events for the cleaned values of an EventsForm. 1 query for each date and each model that is searched."""
    kind = values.get("identifier", "")
    found = _search(values.get("q", "").strip(), kind, request, site)
    found.selection = found.selection.narrowed(
        using,
        kind=kind,
        type=values.get("type") or "",
        verb=values.get("verb") or "",
        who=(values.get("who") or "").strip(),
        timeline=values.get("timeline"),
        since=values.get("since"),
        until=values.get("until"),
    )
    return found


def _search(term: str, identifier: str, request: HttpRequest, site: AdminSite) -> Search:
    """A text may be an id, a stream, a correlation id, a key, or anything that a model's own admin searches for."""
    if not term:
        return Search(Selection())
    if not is_storable(term):
        return Search()
    found = Search()
    for selection in _exact(term):
        found.add(selection)
    if key := registry.key_named(term) or (registry.key_named(f"{identifier}:{term}") if identifier else None):
        found.add(Selection.about(key))
    elif len(found.selection.sources) == 1:  # only a correlation id, which any text may be
        kind, colon, name = term.partition(":")
        if not colon or kind not in _identifiers():
            kind, name = identifier, term
        for options in registry:
            if kind in {"", options.get_identifier()}:
                _find_instances(options, name, found, request, site)
        for key in found.keys:
            found.add(Selection.about(key))
    return found


def _exact(term: str) -> Iterator[Selection]:
    yield Selection.correlated(term)
    if (event_id := whole_number(term)) is not None:
        yield Selection((models.Q(pk=event_id),))
    with suppress(ValueError):
        yield Selection.in_stream(UUID(term))


def _find_instances(options: ModelBase, name: str, found: Search, request: HttpRequest, site: AdminSite) -> None:
    """Add the instances that a model's own admin finds, if the user may see them there. 1 query."""
    model_admin = admin_of(options.model, site)
    if model_admin is None or not model_admin.has_view_permission(request):
        return
    if not model_admin.get_search_fields(request):
        return
    instances, _may_repeat = model_admin.get_search_results(request, model_admin.get_queryset(request), name)
    pks = list(instances.order_by("pk").values_list("pk", flat=True).distinct()[: INSTANCES + 1])
    found.has_more = found.has_more or len(pks) > INSTANCES
    found.keys += registry.keys_of(options.model, pks[:INSTANCES])


def _identifiers() -> set[str]:
    return {options.get_identifier() for options in registry}

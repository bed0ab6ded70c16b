"""The log in the admin: a list that reads little of a table of any size, and a page for each event."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.db import models, router
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from sequere.admin import relations
from sequere.admin.applied import applied_states
from sequere.admin.exports import as_csv, as_json_lines, relations_as_csv
from sequere.admin.names import Named, named
from sequere.admin.pages import ReadOnlyAdmin, data_of, may, timeline_of, whole_number
from sequere.admin.searching import EventsForm, Search, search
from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.exceptions import BackendException
from sequere.http import address_with
from sequere.log.models import Event, EventQuerySet, is_correlated
from sequere.log.paging import EventPage, Selection

#: Events of the stream that are shown before and after an event.
NEIGHBOURS = 5
#: Effects of an event without a correlation id are looked for among so many ids behind it.
EFFECTS_WITHIN = 1000
#: Looking deeper multiplies the limit of a page by this, up to `DEEPEST`.
DEEPER = 10
DEEPEST = 10**6
#: Who gives no time has an event happen when it is recorded, or when its action was made, just before that.
SAME_MOMENT = timedelta(seconds=1)
#: JSON of up to this many characters is shown on one line.
LINE = 60

EXPORTS: dict[str, tuple[str, Callable[[Iterator[Event]], Iterator[str]]]] = {
    "csv": ("text/csv", as_csv),
    "jsonl": ("application/jsonl", as_json_lines),
}


class EventAdmin(ReadOnlyAdmin):
    """Pages to read the log. They need `sequere.view_event`, files also `sequere.export_event`, and who removes
    followers `sequere.remove_follower_event`."""

    def get_urls(self) -> list[URLPattern]:
        relations.offer_tools(self.admin_site)
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="sequere_event_changelist"),
            path("events.<str:form>", view(self.export_view), name="sequere_event_export"),
            path("<str:event_id>/change/", view(self.event_view), name="sequere_event_change"),
            path(
                "<str:what>.csv/<str:identifier>/<path:object_id>/",
                view(self.relations_file),
                name="sequere_follows_csv",
            ),
            path("<str:what>/<str:identifier>/<path:object_id>/", view(self.relations_view), name="sequere_relations"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A page of events. At most 10 queries, and 1 for each model whose instances are searched or named."""
        self.demand(request)
        using = router.db_for_write(Event)
        form = EventsForm(request.GET)
        found, page = Search(), EventPage()
        if form.is_valid():
            found = search(form.cleaned_data, request, self.admin_site, using)
            page = self._page(request, found.selection, using)
        names = named((*_keys(page.events), *found.keys), request, self.admin_site)
        parameters = request.GET
        elsewhere = {"before": None, "after": None, "depth": None}
        return self.page(
            request,
            "event/change_list.html",
            title=_("Events"),
            form=form,
            rows=[_row(event, names) for event in page.events],
            page=page,
            found=[names[key] for key in found.keys],
            has_more=found.has_more,
            has_timelines=bool(event_types.with_timelines()),
            is_filtered=any(form.data.get(name) for name in form.fields),
            newest=address_with(parameters, **elsewhere) if page.newer is not None else "",
            newer=address_with(parameters, **{**elsewhere, "after": page.newer}) if page.newer is not None else "",
            older=address_with(parameters, **{**elsewhere, "before": page.older}) if page.older is not None else "",
            deeper=address_with(parameters, depth=_depth(request) * DEEPER) if page.is_cut else "",
            exports=list(EXPORTS) if self.may(request, "export") else [],
            parameters=address_with(parameters, **elsewhere),
            sees_projections=may(request, "view_projection"),
        )

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """All events of a list, not only those of a page, as one file."""
        self.demand(request, "export")
        filled_in = EventsForm(request.GET)
        if form not in EXPORTS or not filled_in.is_valid():
            raise Http404
        using = router.db_for_write(Event)
        content_type, lines_of = EXPORTS[form]
        found = search(filled_in.cleaned_data, request, self.admin_site, using)
        lines = lines_of(found.selection.iterator(using))
        return _file(request, lines, content_type, f"events.{form}")

    def event_view(self, request: HttpRequest, event_id: str) -> HttpResponseBase:
        """The page of an event. At most 14 queries, and 1 for each model whose instances are named."""
        self.demand(request)
        using = router.db_for_write(Event)
        log = Event.objects.using(using)
        event = log.filter(pk=whole_number(event_id) or 0).first()
        if event is None:
            raise Http404
        stream = log.filter(stream=event.stream)
        earlier = stream.filter(version__lt=event.version).order_by("-version")[:NEIGHBOURS]
        later = stream.filter(version__gt=event.version).order_by("version")[:NEIGHBOURS]
        history = [*reversed(earlier), event, *later]
        chain = _chain(event, log)
        data, error = data_of(event)
        is_upcast = data is not event.stored_data or error
        names = named(_keys([*history, *chain]), request, self.admin_site)
        return self.page(
            request,
            "event/change_form.html",
            title=_("Event %(id)s") % {"id": event.pk},
            event=event,
            row=_row(event, names),
            is_backdated=abs(event.recorded_at - event.occurred_at) > SAME_MOMENT,
            data=_shown(data),
            data_error=error,
            stored=_shown(event.stored_data) if is_upcast else None,
            metadata=_shown(event.metadata),
            has_timelines=bool(event_types.with_timelines()),
            history=[_row(one, names) for one in history],
            chain=[_row(one, names) for one in chain],
            applied=applied_states(event, using),
            sees_projections=may(request, "view_projection"),
        )

    def relations_view(self, request: HttpRequest, what: str, identifier: str, object_id: str) -> HttpResponseBase:
        """A page of the followers or followings of a resource. A POST removes a follower, or suspends or resumes it."""
        self.demand(request)
        if request.method == "POST":
            is_removal = "suspends" not in request.POST
            self.demand(request, "remove_follower" if is_removal else "suspend")
            act = relations.removal_of_follower if is_removal else relations.change_of_suspension
            try:
                self.message_user(request, act(request, what, identifier, object_id))
            except BackendException as error:
                self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        context = relations.page_of(request, self.admin_site, what, identifier, object_id)
        may_do = {f"may_{verb}": self.may(request, verb) for verb in ("export", "remove_follower", "suspend")}
        return self.page(request, "event/relations.html", **may_do, **context)

    def relations_file(self, request: HttpRequest, what: str, identifier: str, object_id: str) -> HttpResponseBase:
        """All followers or followings of a resource that a page shows, as one file."""
        self.demand(request, "export")
        key = relations.key_of_page(what, identifier, object_id)
        lines = relations_as_csv(relations.list_of(request, what, key).iterator())
        return _file(request, lines, "text/csv", f"{what}.csv")

    def _page(self, request: HttpRequest, selection: Selection, using: str) -> EventPage:
        before, after = _number(request, "before"), _number(request, "after")
        depth = _depth(request)
        if after is None or before is not None:
            return selection.page(using, before=before, depth=depth)
        page = selection.page(using, after=after, depth=depth)
        # The page with the newest event is always a full one.
        return page if page.newer is not None else selection.page(using, depth=depth)


def _chain(event: Event, log: EventQuerySet) -> list[Event]:
    """The cause of an event, the event, and what it has caused; nothing if it stands alone. 2 queries.

    Effects have its correlation id, which has an index. Without one, they are looked for among the next events.
    """
    cause = log.filter(pk=whole_number(str(event.metadata.get("causation_id", ""))) or 0)
    correlation_id = event.metadata.get("correlation_id")
    is_text = correlation_id and isinstance(correlation_id, str)  # metadata may contain anything
    near = is_correlated(correlation_id) if is_text else models.Q(pk__lte=event.pk + EFFECTS_WITHIN)
    effects = log.filter(near, pk__gt=event.pk, metadata__causation_id=event.pk).order_by("pk")[:NEIGHBOURS]
    found = [*cause, event, *effects]
    return found if len(found) > 1 else []


def _row(event: Event, names: dict[ResourceKey, Named]) -> dict[str, Any]:
    timeline, who = timeline_of(event), _key_in(event.metadata.get("who"))
    return {
        "event": event,
        "actor": names[event.actor],
        "target": names[event.target] if event.target else None,
        "timeline": names[timeline] if timeline else None,
        "who": names[who] if who else None,
        "correlation_id": event.metadata.get("correlation_id"),
    }


def _keys(events: Iterable[Event]) -> Iterator[ResourceKey]:
    for event in events:
        who = _key_in(event.metadata.get("who"))
        yield from filter(None, (event.actor, event.target, timeline_of(event), who))


def _key_in(name: Any) -> ResourceKey | None:
    """The resource with this name in the metadata, such as "user:1"."""
    identifier, colon, object_id = str(name or "").partition(":")
    return ResourceKey(identifier, object_id) if colon and identifier and object_id else None


def _shown(values: Any) -> dict[str, str]:
    """JSON for people to read: texts as they are, all else as JSON, on one line if it is short."""
    values = values if isinstance(values, dict) else {"": values}  # what an upcaster returns may be anything
    return {name: value if isinstance(value, str) else _as_json(value) for name, value in values.items()}


def _as_json(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, ensure_ascii=False, indent=2)


def _file(request: HttpRequest, lines: Iterator[str], content_type: str, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        _awaited(lines) if isinstance(request, ASGIRequest) else lines,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _number(request: HttpRequest, name: str) -> int | None:
    return whole_number(request.GET.get(name, ""))


def _depth(request: HttpRequest) -> int:
    return min(_number(request, "depth") or 1, DEEPEST)


async def _awaited(lines: Iterator[str]) -> Any:
    """The same lines for an asynchronous server, which would otherwise collect all of them first."""
    following = sync_to_async(lambda: next(lines, None))
    while (line := await following()) is not None:
        yield line

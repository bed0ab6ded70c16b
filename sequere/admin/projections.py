"""The projections in the admin: their progress, failed events, and operations on them."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote, unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from sequere.admin.operations import OPERATIONS, Operation, OperationResult, Task
from sequere.admin.pages import ReadOnlyAdmin, may, whole_number
from sequere.exceptions import BackendException
from sequere.http import address_with
from sequere.log.models import Event
from sequere.monitoring.status import Status, status
from sequere.outbox.queues import names_in, queue_of
from sequere.projections.models import Projection
from sequere.replay.progress import progress

#: Failed events on a page.
FAILED_PER_PAGE = 100


class ProjectionAdmin(ReadOnlyAdmin):
    """Pages about projections. They need `sequere.view_projection`, and a permission for each operation."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="sequere_projection_changelist"),
            path("<str:name>/change/", view(self.projection_view), name="sequere_projection_change"),
            path("<str:name>/<str:verb>/", view(self.operation_view), name="sequere_projection_operation"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """All projections. 2 queries, and 1 for each."""
        self.demand(request)
        rows = [_row(found) for found in status(router.db_for_write(Event))]
        return self.page(request, "projection/change_list.html", title=_("Projections"), rows=rows)

    def projection_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """A projection, its last rebuild, and a page of its failed events. 5 queries, and 1 for each projection."""
        self.demand(request)
        found, using = _status(name), router.db_for_write(Event)
        failed = Task(found.name, using).failed.select_related("event").order_by("event_id")
        if after := whole_number(request.GET.get("after", "")):
            failed = failed.filter(event_id__gt=after)
        events = list(failed[: FAILED_PER_PAGE + 1])
        further = (
            address_with(request.GET, after=events[FAILED_PER_PAGE - 1].event_id)
            if len(events) > FAILED_PER_PAGE
            else ""
        )
        allowed = [
            operation
            for operation in OPERATIONS.values()
            if self.may(request, operation.name) and operation.is_possible(found.name)
        ]
        return self.page(
            request,
            "projection/change_form.html",
            title=_("Projection “%(name)s”") % {"name": found.name},
            name=quote(found.name),
            projection=_row(found),
            is_shared=len(names_in(queue_of(found.name))) > 1,
            rebuild=next((one for one in progress(using) if one.projection == found.name), None),
            failed=events[:FAILED_PER_PAGE],
            further=further,
            operations=[operation for operation in allowed if not operation.is_about_failed],
            about_failed=[operation for operation in allowed if operation.is_about_failed],
            sees_events=may(request, "view_event"),
        )

    @transaction.non_atomic_requests  # every batch is a transaction of its own
    def operation_view(self, request: HttpRequest, name: str, verb: str) -> HttpResponseBase:
        """Asks for confirmation of an operation; by POST, performs it."""
        if verb not in OPERATIONS:
            raise Http404
        self.demand(request, verb)
        found, operation, using = _status(name), OPERATIONS[verb], router.db_for_write(Event)
        if not operation.is_possible(found.name):
            raise Http404
        values = request.POST if request.method == "POST" else request.GET
        chosen = [id_ for text in values.getlist("event") if (id_ := whole_number(text)) is not None]
        task = Task(found.name, using, None if "all" in values or not operation.is_about_failed else chosen)
        if operation.is_about_failed and not task.failed.exists():
            messages.warning(request, _("None of the selected events has failed."))
            return self._back(found)
        refusal = operation.refusal(found, using)
        if request.method == "POST":
            if refusal:
                raise PermissionDenied(refusal)
            self._perform(request, operation, task)
            return self._back(found)
        return self.page(
            request,
            "projection/operation.html",
            title=f"{operation.label}: {found.name}",
            name=quote(found.name),
            projection=_row(found),
            operation=operation,
            refusal=refusal,
            chosen=task.chosen,
            number=task.failed.count() if operation.is_about_failed else None,
        )

    def _perform(self, request: HttpRequest, operation: Operation, task: Task) -> None:
        try:
            result = operation.perform(task)
        except BackendException as error:
            result = OperationResult(str(error), is_good=False)
        tell = messages.success if result.is_good else messages.warning
        for text in (result.text, *result.details):
            tell(request, text)
        about = f" ({', '.join(map(str, task.chosen))})" if task.chosen else ""
        LogEntry.objects.create(
            user_id=request.user.pk,  # type: ignore[misc]  # nobody has no permission
            content_type=ContentType.objects.get_for_model(Projection),
            object_id=task.name,
            object_repr=task.name[:200],
            action_flag=CHANGE,
            change_message=f"{operation.label}{about}: {result.text}",
        )

    def _back(self, found: Status) -> HttpResponse:
        args = [quote(found.name)]
        return HttpResponseRedirect(
            reverse("admin:sequere_projection_change", args=args, current_app=self.admin_site.name)
        )


def _status(quoted_name: str) -> Status:
    name = unquote(quoted_name)
    for found in status(router.db_for_write(Event)):
        if found.name == name:
            return found
    raise Http404


def _row(found: Status) -> dict[str, Any]:
    return {
        "name": quote(found.name),
        "status": found,
        "lag": "" if found.oldest is None else _age(found.oldest),
    }


def _age(seconds: float) -> str:
    if seconds < 120:
        return _("%(number)s s") % {"number": round(seconds)}
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now)

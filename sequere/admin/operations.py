"""The operations of the admin on a projection: the verbs of outbox and replay, within a request.

A request must not take long: an operation on more than `MANY_EVENTS` is refused, and the command for it is named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from sequere import outbox, replay
from sequere.conf import CELERY
from sequere.log.models import Event
from sequere.monitoring.status import Status
from sequere.outbox.drain import drain
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.queues import fan_out_queues_of, queue_of, queues_of
from sequere.projections.projector import Projector
from sequere.projections.reconciler import Difference
from sequere.projections.registry import mode_of, projection

#: The most events, pending or in the log, that a request works on.
MANY_EVENTS = 10_000
#: Differences that a verification shows.
DIFFERENCES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of an operation, for the user."""

    text: str
    is_good: bool = True
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """The projection that an operation works on, and its failed events."""

    name: str
    using: str
    #: Ids of the failed events that were selected; None for all.
    chosen: Sequence[int] | None = None

    @property
    def failed(self) -> QueuedEventQuerySet:
        failed = QueuedEvent.objects.using(self.using).filter(queue__in=queues_of(self.name)).failed()
        return failed if self.chosen is None else failed.filter(event_id__in=self.chosen)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that an operator can do. Its permission is `sequere.<name>_projection`."""

    name: str
    label: Any
    question: Any
    perform: Callable[[Task], OperationResult] = field(repr=False)
    #: The command that does the same, without the limit of a request.
    command: str
    is_about_failed: bool = False
    #: Whether it reads the log, not the pending events.
    reads_log: bool = False

    def is_possible(self, name: str) -> bool:
        """Whether a projection supports it."""
        projector = projection(name)
        if projector.verifiable or not self.reads_log:
            return True
        return self.name == "rebuild" and type(projector).reset is not Projector.reset

    def refusal(self, status: Status, using: str) -> str:
        """Why a request refuses it; empty if it does not. At most 1 query."""
        reason = self._too_long(status, using)
        command = f"manage.py {self.command.format(name=status.name)}"
        return f"{reason} {_('Run “%(command)s”.') % {'command': command}}" if reason else ""

    def _too_long(self, status: Status, using: str) -> str:
        if self.reads_log:
            if self.name == "rebuild" and _is_for_workers(status.name):
                return ""
            last = Event.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0
            too_many = _("The log has up to %(number)s events, too many for one request.")
            return too_many % {"number": f"{last:,}"} if last > MANY_EVENTS else ""
        if self.name == "skip":
            return ""
        if status.pending > MANY_EVENTS:
            too_many = _("%(number)s events are pending, too many for one request.")
            return too_many % {"number": f"{status.pending:,}"}
        fan_outs = QueuedEvent.objects.using(using).filter(queue__in=fan_out_queues_of(status.name))
        if fan_outs.exists():
            return _("A fan-out to many followers is pending, too many for one request.")
        return ""


def _drain(task: Task) -> OperationResult:
    return OperationResult(_applied(drain(queue_of(task.name), using=task.using)))


def _retry(task: Task) -> OperationResult:
    applied = _applied(outbox.retry(task.failed))
    left = task.failed.count()
    if not left:
        return OperationResult(applied)
    failed = ngettext("%(number)s still fails", "%(number)s still fail", left) % {"number": left}
    return OperationResult(f"{applied}, {failed}", is_good=False)


def _skip(task: Task) -> OperationResult:
    skipped = outbox.skip(task.failed)
    return OperationResult(
        ngettext("%(number)s event skipped", "%(number)s events skipped", skipped) % {"number": skipped}
    )


def _is_for_workers(name: str) -> bool:
    """Whether Celery workers rebuild a projection, so that no request waits for it."""
    return mode_of(name) == CELERY


def _rebuild(task: Task) -> OperationResult:
    if _is_for_workers(task.name):
        replay.hand_over([replay.start(task.name).pk])
        return OperationResult(_("Celery workers run the rebuild. This page shows its progress."))
    report = replay.rebuild(task.name)
    return OperationResult(_checked(report.checked, report.wrong))


def _verify(task: Task) -> OperationResult:
    differences: list[Difference] = []
    report = replay.verify(task.name, on_difference=differences.append)
    text = _checked(report.checked, report.wrong)
    return OperationResult(
        text, is_good=not report.wrong, details=[str(difference) for difference in differences[:DIFFERENCES_SHOWN]]
    )


def _applied(number: int) -> str:
    return ngettext("%(number)s event applied", "%(number)s events applied", number) % {"number": number}


def _checked(checked: int, wrong: int) -> str:
    differences = ngettext("%(wrong)s difference", "%(wrong)s differences", wrong) % {"wrong": wrong}
    return _("%(checked)s checked, %(differences)s") % {"checked": checked, "differences": differences}


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "drain",
            gettext_lazy("Apply pending events"),
            gettext_lazy("Apply the pending events of this projection now?"),
            _drain,
            "run_projections --once",
        ),
        Operation(
            "verify",
            gettext_lazy("Verify"),
            gettext_lazy("Compare this projection with the log? Nothing is changed."),
            _verify,
            "verify_projections --projection {name}",
            reads_log=True,
        ),
        Operation(
            "rebuild",
            gettext_lazy("Rebuild"),
            gettext_lazy("Rebuild this projection from the log? Reads and writes continue meanwhile."),
            _rebuild,
            "rebuild_projections --projection {name}",
            reads_log=True,
        ),
        Operation(
            "retry",
            gettext_lazy("Retry"),
            gettext_lazy("Retry these events, and apply the events that wait behind them?"),
            _retry,
            "retry_events --all --projection {name}",
            is_about_failed=True,
        ),
        Operation(
            "skip",
            gettext_lazy("Skip"),
            gettext_lazy("Skip these events? They stay in the log, but this projection will never apply them."),
            _skip,
            "skip_events --all --projection {name}",
            is_about_failed=True,
        ),
    )
}

"""What an operator may do to a projection from the admin: the verbs of outbox and replay, within a request.

A request is no place for long work. What has grown beyond `MANY` events is refused here, with the command that does it.
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
from sequere.outbox.models import FAN_OUT, QueuedEvent, QueuedEventQuerySet
from sequere.outbox.queues import pipeline_of, pipelines_of
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.reconciler import Difference
from sequere.projections.registry import mode_of, projection

#: So many events can wait, or so many be in the log, for work within a request.
MANY = 10_000
#: Differences that a verification shows.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation."""

    text: str
    is_good: bool = True
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What an operation is done to."""

    name: str
    using: str
    #: Ids of the failed events that were chosen; None for all.
    chosen: Sequence[int] | None = None

    @property
    def failed(self) -> QueuedEventQuerySet:
        failed = QueuedEvent.objects.using(self.using).filter(pipeline__in=pipelines_of(self.name)).failed()
        return failed if self.chosen is None else failed.filter(event_id__in=self.chosen)


@dataclass(frozen=True, slots=True)
class Operation:
    """A verb of an operator. Its permission is `sequere.<name>_projection`."""

    name: str
    label: Any
    question: Any
    perform: Callable[[Task], Outcome] = field(repr=False)
    #: The command that does the same where a request would take too long.
    command: str
    is_about_failed: bool = False
    #: Whether it reads the log, and not what waits.
    reads_log: bool = False

    def is_possible(self, name: str) -> bool:
        """Whether a projection knows how."""
        projector = projection(name)
        if isinstance(projector, LevelTriggeredProjector) or not self.reads_log:
            return True
        return self.name == "rebuild" and type(projector).reset is not Projector.reset

    def refusal(self, status: Status, using: str) -> str:
        """Why it is not done within a request, if it is not. At most 1 query."""
        reason = self._too_long(status, using)
        command = f"manage.py {self.command.format(name=status.name)}"
        return f"{reason} {_('Run “%(command)s”.') % {'command': command}}" if reason else ""

    def _too_long(self, status: Status, using: str) -> str:
        if self.reads_log:
            if self.name == "rebuild" and _is_for_workers(status.name):
                return ""
            last = Event.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0
            too_many = _("The log has up to %(number)s events, too many for a page to wait for.")
            return too_many % {"number": f"{last:,}"} if last > MANY else ""
        if self.name == "skip":
            return ""
        if status.pending > MANY:
            too_many = _("%(number)s events wait, too many for a page to wait for.")
            return too_many % {"number": f"{status.pending:,}"}
        fan_outs = QueuedEvent.objects.using(using).filter(pipeline=FAN_OUT)
        if FAN_OUT in pipelines_of(status.name) and fan_outs.exists():
            return _("An action waits for its many followers, too long for a page to wait for.")
        return ""


def _drain(task: Task) -> Outcome:
    return Outcome(_applied(drain(pipeline_of(task.name), using=task.using)))


def _retry(task: Task) -> Outcome:
    applied = _applied(outbox.retry(task.failed))
    left = task.failed.count()
    if not left:
        return Outcome(applied)
    failed = ngettext("%(number)s is left that fails", "%(number)s are left that fail", left) % {"number": left}
    return Outcome(f"{applied}, {failed}", is_good=False)


def _skip(task: Task) -> Outcome:
    skipped = outbox.skip(task.failed)
    return Outcome(ngettext("%(number)s event skipped", "%(number)s events skipped", skipped) % {"number": skipped})


def _is_for_workers(name: str) -> bool:
    """Whether the workers of Celery rebuild a projection, so that no request waits for it."""
    return mode_of(name) == CELERY


def _rebuild(task: Task) -> Outcome:
    if _is_for_workers(task.name):
        replay.hand_over([replay.start(task.name).pk])
        return Outcome(_("The rebuild is left to the workers of Celery. This page shows how far it is."))
    report = replay.rebuild(task.name)
    return Outcome(_checked(report.checked, report.wrong))


def _verify(task: Task) -> Outcome:
    differences: list[Difference] = []
    report = replay.verify(task.name, on_difference=differences.append)
    text = _checked(report.checked, report.wrong)
    return Outcome(text, is_good=not report.wrong, details=[str(difference) for difference in differences[:SHOWN]])


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
            gettext_lazy("Apply what waits"),
            gettext_lazy("Apply now what waits for this projection?"),
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
            gettext_lazy("Make this projection what the log says? Readers and writers go on meanwhile."),
            _rebuild,
            "rebuild_projections --projection {name}",
            reads_log=True,
        ),
        Operation(
            "retry",
            gettext_lazy("Retry"),
            gettext_lazy("Apply these events once more, and what waits behind them?"),
            _retry,
            "retry_events --all --projection {name}",
            is_about_failed=True,
        ),
        Operation(
            "skip",
            gettext_lazy("Skip"),
            gettext_lazy("Give up applying these events? They stay in the log, and this projection never sees them."),
            _skip,
            "skip_events --all --projection {name}",
            is_about_failed=True,
        ),
    )
}

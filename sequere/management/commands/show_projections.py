"""manage.py show_projections: the state of the projections."""

import json
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.utils.translation import gettext as _

from sequere.log.models import Event
from sequere.management.failed import described, in_order, write_failed
from sequere.management.pace import pace_text
from sequere.management.projections import ProjectionsCommand
from sequere.management.tables import write_table
from sequere.monitoring.status import Status, status
from sequere.outbox.models import QueuedEvent
from sequere.replay.progress import Progress
from sequere.replay.progress import progress as rebuild_progress


class Command(ProjectionsCommand):
    help = _(
        "Show for each projection its mode, how many events are pending and since when, how many are parked, the last"
        " error, and the progress of its rebuild."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help=_("Print a JSON array, with ages in seconds, and the last rebuild of each projection."),
        )
        parser.add_argument(
            "--failed", action="store_true", help=_("Show the events that have failed, with their errors, instead.")
        )

    def handle(self, **options: Any) -> None:
        using = router.db_for_write(Event)
        if options["failed"]:
            failed = in_order(QueuedEvent.objects.using(using).failed())
            if options["json"]:
                self.stdout.write(json.dumps([described(one) for one in failed], indent=2))
            else:
                write_failed(self, failed)
            return
        found = status(using)
        rebuilt = {progress.projection: progress for progress in rebuild_progress(using)}
        if options["json"]:
            rows = [
                {**asdict(one), "rebuild": asdict(rebuilt[one.name]) if one.name in rebuilt else None} for one in found
            ]
            self.stdout.write(json.dumps(rows, indent=2, cls=DjangoJSONEncoder))
            return
        write_table(self, [field.name for field in fields(Status)], [_cells(projection) for projection in found])
        for projection in found:
            if progress := rebuilt.get(projection.name):
                self.stdout.write(f"rebuild of {projection.name}: {_described(progress)}")


def _cells(projection: Status) -> list[str]:
    values = asdict(projection)
    values["oldest"] = "" if projection.oldest is None else f"{projection.oldest:.0f} s"
    return [str(value) for value in values.values()]


def _described(progress: Progress) -> str:
    parts = [
        progress.part,
        f"{progress.done:,} of {progress.total:,} checked",
        f"{progress.wrong:,} repaired",
        pace_text(progress.rate, progress.remaining),
        f"{progress.workers} at work" if progress.ended_at is None else f"ended {progress.ended_at:%Y-%m-%d %H:%M:%S}",
        progress.error,
    ]
    return ", ".join(filter(None, parts))

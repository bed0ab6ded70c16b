"""manage.py show_events: events of the log."""

import json
from argparse import ArgumentTypeError
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, router

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.paging import Selection
from sequere.management.projections import ProjectionsCommand
from sequere.management.tables import write_table
from sequere.registry import registry

COLUMNS = ("id", "recorded at", "event", "who", "stream", "version")
#: Options that say where to look; the others narrow it.
SOURCES = ("events", "about", "stream", "correlation")


class Command(ProjectionsCommand):
    help = "Show events of the log, newest first: all of them, or those that match all options."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("events", nargs="*", type=int, help="Ids of events.")
        add("--about", type=key, metavar="KEY", help="With this actor or target, such as user:1.")
        add("--stream", type=UUID, metavar="UUID", help="Of this stream.")
        add("--correlation", metavar="ID", help="With this correlation id in their metadata.")
        add("--type", help="Of this type, such as followed.")
        add("--verb", help="With this verb.")
        add("--kind", metavar="IDENTIFIER", help="With an actor or target of this kind, such as user.")
        add(
            "--since",
            type=date.fromisoformat,
            metavar="DATE",
            help="Recorded on this day or later: 2026-11-30.",
        )
        add("--until", type=date.fromisoformat, metavar="DATE", help="Recorded on this day or earlier.")
        add("--limit", type=int, default=20, metavar="N", help="At most so many; 20 by default.")
        add("--json", action="store_true", help="Print a JSON array, with all columns of each event.")

    def handle(self, **options: Any) -> None:
        using = router.db_for_write(Event)
        if options["limit"] < 1:
            raise self.wrong_argument("--limit must be at least 1.")
        narrowed = {name: options[name] for name in ("type", "verb", "kind") if options[name]}
        selection = self._source(options).narrowed(using, since=options["since"], until=options["until"], **narrowed)
        events = list(islice(selection.iterator(using), options["limit"]))
        if options["json"]:
            self.stdout.write(json.dumps([_row(event) for event in events], indent=2, cls=DjangoJSONEncoder))
        else:
            write_table(self, COLUMNS, [_cells(event) for event in events])

    def _source(self, options: dict[str, Any]) -> Selection:
        given = [name for name in SOURCES if options[name]]
        if len(given) > 1:
            raise self.wrong_argument("Give ids, --about, --stream or --correlation: only one of them.")
        if options["events"]:
            return Selection((models.Q(pk__in=options["events"]),))
        if options["about"]:
            return Selection.about(options["about"])
        if options["stream"]:
            return Selection.in_stream(options["stream"])
        return Selection.correlated(options["correlation"]) if options["correlation"] else Selection()


def key(text: str) -> ResourceKey:
    found = registry.key_named(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not the key of a resource, such as user:1")
    return found


def _cells(event: Event) -> list[str]:
    moment = f"{event.recorded_at:%Y-%m-%d %H:%M:%S}"
    who = str(event.metadata.get("who", ""))
    return [str(event.pk), moment, str(event), who, str(event.stream), str(event.version)]


def _row(event: Event) -> dict[str, Any]:
    return {field.attname: field.value_from_object(event) for field in Event._meta.concrete_fields}

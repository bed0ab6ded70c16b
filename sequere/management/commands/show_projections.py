"""manage.py show_projections: how far the projections are."""

import json
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import router

from sequere.events import Event
from sequere.outbox import Status, status


class Command(BaseCommand):
    help = "Show the mode of each projection, what waits for it, since when, what is parked, and the last error."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="As a JSON array, with the age in seconds.")

    def handle(self, **options: Any) -> None:
        found = status(router.db_for_write(Event))
        if options["json"]:
            self.stdout.write(json.dumps([asdict(projection) for projection in found], indent=2))
            return
        table = [[field.name for field in fields(Status)], *(_cells(projection) for projection in found)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _cells(projection: Status) -> list[str]:
    values = asdict(projection)
    values["oldest"] = "" if projection.oldest is None else f"{projection.oldest:.0f} s"
    return [str(value) for value in values.values()]

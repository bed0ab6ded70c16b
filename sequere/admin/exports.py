"""Events as files: CSV for spreadsheets, JSON Lines for programs; written line by line, whatever their length."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from sequere.admin.pages import data_of, timeline_of
from sequere.log.models import Event
from sequere.registry import registry
from sequere.results.relations import Related

EXPORTED_COLUMNS = (
    "id",
    "type",
    "actor",
    "verb",
    "target",
    "scope",
    "timeline",
    "who",
    "occurred_at",
    "recorded_at",
    "stream",
    "version",
    "data",
    "metadata",
    "schema_version",
    "idempotency_key",
)
#: A spreadsheet takes a text that begins like this for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(events: Iterator[Event]) -> Iterator[str]:
    """A line of column names, then a line for each event. Excel needs the mark in front to recognize UTF-8."""
    lines = csv.writer(_Line())
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + str(lines.writerow(EXPORTED_COLUMNS))
    for event in events:
        yield str(lines.writerow([_cell(value) for value in _values(event).values()]))


def relations_as_csv(found: Iterator[Related]) -> Iterator[str]:
    """A line of column names, then a line for each resource in a list, and since when. Not their names: who may see
    events may not see all of these."""
    lines = csv.writer(_Line())
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + str(lines.writerow(("resource", "since")))
    for instance, since in found:
        yield str(lines.writerow([_cell(str(registry.key_of(instance))), since.isoformat()]))


def as_json_lines(events: Iterator[Event]) -> Iterator[str]:
    """An object for each event, on a line of its own."""
    for event in events:
        yield json.dumps(_values(event), ensure_ascii=False) + "\n"


def _values(event: Event) -> dict[str, Any]:
    timeline = timeline_of(event)
    converted = {
        "actor": str(event.actor),
        "target": event.target and str(event.target),
        "timeline": timeline and str(timeline),
        "who": event.metadata.get("who"),
        "occurred_at": event.occurred_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
        "stream": str(event.stream),
        "data": data_of(event)[0],
    }
    return {column: converted[column] if column in converted else getattr(event, column) for column in EXPORTED_COLUMNS}


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: a text that it would take for a formula gets an apostrophe in front."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


class _Line:
    """The file that csv writes to; writerow() returns what this returns."""

    def write(self, line: str) -> str:
        return line

"""manage.py import_follows SOURCE: the follows, requests or blocks that another package has stored."""

import csv
import gc
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from sequere.management.importing import SOURCES, ForeignRow, Import, ImportReport
from sequere.management.progress_bar import ProgressBar
from sequere.management.projections import ProjectionsCommand

#: Rows that are shown for each reason.
EXAMPLES = 3


class Command(ProjectionsCommand):
    help = (
        "Record the follows, requests or blocks of another package, with their times. Relations that the log knows are"
        " left as they are, so it is safe to run again. The table is only read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", choices=list(SOURCES), help="The package.")
        parser.add_argument(
            "--database", choices=list(connections), default=DEFAULT_DB_ALIAS, help="The database with its table."
        )
        parser.add_argument("--dry-run", action="store_true", help="Report what would be recorded, and record nothing.")
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="Only rows with a larger id.")
        parser.add_argument(
            "--rename", action="append", default=[], metavar="OLD=NEW", help="Use a new name for an identifier."
        )
        parser.add_argument(
            "--skip",
            action="append",
            default=[],
            metavar="IDENTIFIER",
            help="Leave out the follows of and by this identifier.",
        )
        parser.add_argument("--scope", default="", metavar="SCOPE", help="Record follows in this scope.")
        parser.add_argument(
            "--refused", type=Path, metavar="FILE", help="Write the rows that are not imported to a CSV file."
        )

    def handle(self, *, source: str, database: str, dry_run: bool, **options: Any) -> None:
        renamed = _renamed(options["rename"])
        import_ = Import(SOURCES[source], database, renamed, options["skip"], options["scope"])
        with _opened(options["refused"]) as file:
            report = self._run(import_, SOURCES[source].table, _writer(file), dry_run=dry_run, **options)
        done = "would be recorded" if dry_run else "recorded"
        self.stdout.write(
            self.style.SUCCESS(f"{report.new:,} {SOURCES[source].records.name}s {done}, {report.known:,} already known")
        )

    def _run(
        self,
        import_: Import,
        table: str,
        write: Callable[[ForeignRow, str], None],
        *,
        dry_run: bool,
        after: int,
        refused: Path | None,
        **options: Any,
    ) -> ImportReport:
        report, examples = ImportReport(last=after), defaultdict[str, list[ForeignRow]](list)
        total = import_.count(after)
        self.stdout.write(f"{table}: {total:,} rows")

        def keep(row: ForeignRow, reason: str) -> None:
            write(row, reason)
            if len(examples[reason]) < EXAMPLES:
                examples[reason].append(row)

        # What is there by now outlives the import: it need not be looked through again for every so many rows.
        gc.freeze()
        try:
            with ProgressBar(self) as progress:
                for report in import_.run(after=after, dry_run=dry_run, on_refused=keep):
                    progress("rows", report.read, total)
        except BaseException:
            self.stdout.write(f"Interrupted: run it again, or resume with --after {report.last}.")
            raise
        finally:
            gc.unfreeze()
        for reason, number in sorted(report.refused.items()):
            self.stdout.write(self.style.WARNING(f"{number:,} not imported, {reason}:"))
            for row in examples[reason]:
                self.stdout.write(f"  {row}")
            if number > EXAMPLES:
                self.stdout.write("  …" if refused else "  … (--refused FILE lists them all)")
        return report


def _renamed(pairs: list[str]) -> dict[str, str]:
    renamed = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise CommandError(f"--rename takes OLD=NEW, not {pair!r}.", returncode=2)
        renamed[old] = new
    return renamed


def _opened(path: Path | None) -> Any:
    try:
        return path.open("w", newline="") if path else nullcontext()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", returncode=2) from error


def _writer(file: Any) -> Callable[[ForeignRow, str], None]:
    """Writes rows to the CSV file, if there is one."""
    if file is None:
        return lambda row, reason: None
    lines = csv.writer(file)
    lines.writerow(["id", "from", "to", "since", "reason"])
    return lambda row, reason: lines.writerow([*row[:4], reason])

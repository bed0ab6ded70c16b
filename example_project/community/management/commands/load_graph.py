"""manage.py load_graph FILE: projects that follow each other, from a file."""

from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from example_project.community.graph import UnreadableGraph, load
from sequere.management.progress_bar import ProgressBar


class Command(BaseCommand):
    help = "Load follows among projects. Existing follows are skipped, so it is safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="Lines of follower<TAB>followed, plain or compressed with gzip.")
        parser.add_argument("--one-in", type=int, default=1, metavar="N", help="Only every Nth follow.")

    def handle(self, *, file: Path, one_in: int, **options: Any) -> None:
        if one_in < 1:
            raise CommandError("--one-in must be at least 1.")
        start = perf_counter()
        try:
            with ProgressBar(self) as progress:
                loaded = load(file, progress, one_in=one_in)
        except UnreadableGraph as error:
            raise CommandError(str(error)) from error
        seconds = perf_counter() - start
        self.stdout.write(
            f"{loaded.follows:,} follows read; new: {loaded.new_projects:,} projects, {loaded.new_follows:,} follows"
        )
        self.stdout.write(self.style.SUCCESS(f"{seconds:,.1f} s, {loaded.follows / seconds:,.0f} follows per second"))

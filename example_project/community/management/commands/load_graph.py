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

    def handle(self, *, file: Path, **options: Any) -> None:
        progress = ProgressBar(self.stdout)
        start = perf_counter()
        try:
            loaded = load(file, progress)
        except UnreadableGraph as error:
            raise CommandError(str(error)) from error
        finally:
            progress.finish()
        seconds = perf_counter() - start
        self.stdout.write(
            f"{loaded.follows:,} follows read; new: {loaded.new_projects:,} projects, {loaded.new_follows:,} follows"
        )
        self.stdout.write(self.style.SUCCESS(f"{seconds:,.1f} s, {loaded.follows / seconds:,.0f} follows per second"))

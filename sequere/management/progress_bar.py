"""The progress of a long command: a bar on a terminal, a line from time to time elsewhere."""

from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from django.core.management.base import BaseCommand

from sequere.management.pace import Pace
from sequere.management.terminal import terminal_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Without a terminal: one line for so long.
SECONDS_PER_LINE = 10.0


class ProgressBar:
    """Shows the progress of each part of the work, with its pace. Pass it to `replay` or to `follow_many()`.

    A `with` block gives the terminal back, however the work ends.
    """

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stdout
        self._terminal = terminal_of(command)
        self._bar: tuple[Progress, TaskID] | None = None
        self._part = ""
        self._told = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, class_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.finish()

    def __call__(self, part: str, done: int, total: int) -> None:
        if part != self._part:
            self._begin(part, done)
        pace = self._pace.text(done, total)
        if self._bar:
            bar, task = self._bar
            bar.update(task, description=part, completed=done, total=total, pace=pace, refresh=True)
        elif monotonic() - self._told >= SECONDS_PER_LINE:
            self._out.write(", ".join(filter(None, [f"{part}: {done:,} of {total:,}", pace])))
            self._out.flush()
            self._told = monotonic()

    def note(self, text: object) -> None:
        """Write a separate line."""
        if self._bar:
            bar, _ = self._bar
            bar.console.print(f"  {text}", soft_wrap=True)
        else:
            self._out.write(f"  {text}")

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar[0].stop()
        self._bar, self._part = None, ""

    def _begin(self, part: str, done: int) -> None:
        self.finish()
        self._part, self._pace, self._told = part, Pace(done), monotonic()
        if self._terminal:
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
                TextColumn("{task.fields[pace]}", style="dim"),
            )
            bar = Progress(*columns, console=self._terminal, transient=True, auto_refresh=False)
            self._bar = bar, bar.add_task(part, pace="")
            bar.start()

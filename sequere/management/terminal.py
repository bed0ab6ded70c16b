"""The terminal that a command writes to. rich draws on it; elsewhere, and without rich, everything is plain text."""

from typing import IO, TYPE_CHECKING, cast

from django.core.management.base import BaseCommand, OutputWrapper

if TYPE_CHECKING:
    from rich.console import Console


def terminal_of(command: BaseCommand) -> "Console | None":
    """The terminal of a command, in colour if Django has decided so. None if it has none, or rich is not installed."""
    if not command.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    is_plain = command.style.SUCCESS("colour") == "colour"
    return Console(file=cast("IO[str]", _Unended(command.stdout)), no_color=is_plain, highlight=False, markup=False)


class _Unended:
    """The output of a command as a file: Django's own writes a line end after everything."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self.encoding = "utf-8"
        self.isatty, self.flush, self.fileno = out.isatty, out.flush, out.fileno

    def write(self, text: str) -> None:
        self._out.write(text, ending="")

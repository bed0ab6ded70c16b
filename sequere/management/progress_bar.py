"""The progress of a long command: a bar on a terminal, an occasional line elsewhere."""

from django.core.management.base import OutputWrapper

WIDTH = 30
#: Without a terminal: one line for this many keys.
KEYS_PER_LINE = 50_000


class ProgressBar:
    """Shows the progress of each part of the work. Pass it to `replay` or to `follow_many()`."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._part = ""
        self._shown = 0

    def __call__(self, part: str, done: int, total: int) -> None:
        if part != self._part:
            self.finish()
            self._part = part
        if self._out.isatty():
            filled = WIDTH * done // max(total, 1)
            self._out.write(f"\r{part:<12} {'█' * filled}{'·' * (WIDTH - filled)} {done:,} of {total:,}", ending="")
            self._out.flush()
            self._shown = done
        elif done - self._shown >= KEYS_PER_LINE:
            self._out.write(f"{part}: {done:,} of {total:,}")
            self._shown = done

    def note(self, text: object) -> None:
        """Write a separate line."""
        self.finish()
        self._out.write(f"  {text}")

    def finish(self) -> None:
        """End the line of the bar."""
        if self._part and self._shown and self._out.isatty():
            self._out.write("")
        self._part, self._shown = "", 0

"""How fast a long command works, and how long it will take."""

from time import monotonic


class Pace:
    """The pace of a part of the work, measured since its first report: a resumed part begins in its middle."""

    def __init__(self, done: int) -> None:
        self._first = done
        self._since = monotonic()

    def text(self, done: int, total: int) -> str:
        """Such as "3,441/s, 40 s left"; empty while it is unknown."""
        taken = monotonic() - self._since
        rate = (done - self._first) / taken if taken else 0.0
        return pace_text(rate, max(total - done, 0) / rate) if rate else ""


def pace_text(rate: float | None, remaining: float | None) -> str:
    """Keys per second, and seconds left, for people to read. Leaves out what is None."""
    parts = ["" if rate is None else f"{rate:,.0f}/s", "" if remaining is None else f"{_duration(remaining)} left"]
    return ", ".join(filter(None, parts))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

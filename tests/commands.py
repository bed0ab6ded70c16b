"""Management commands, as somebody sees them who runs them."""

from io import StringIO
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: str, **options: Any) -> tuple[int, str]:
    """The exit status of a command, and what it says."""
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, **options)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue()
    return 0, out.getvalue()

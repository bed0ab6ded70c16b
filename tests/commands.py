"""Management commands as a user sees them."""

from io import StringIO
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: str, **options: Any) -> tuple[int, str]:
    """The exit status and the output of a command."""
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, **options)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue()
    return 0, out.getvalue()

"""Rebuilds by several processes."""

from io import StringIO

from django.core.management import call_command


def rebuild_with(workers: int) -> None:
    """Rebuild the follows; other processes start as for an operator, Python and Django included."""
    call_command("rebuild_projections", projection="follows", workers=workers, stdout=StringIO())

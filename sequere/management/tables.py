"""Tables: as wide as the terminal, or in columns of plain text."""

from collections.abc import Sequence

from django.core.management.base import BaseCommand

from sequere.management.terminal import terminal_of


def write_table(command: BaseCommand, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows below their head."""
    if terminal := terminal_of(command):
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(*head, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        terminal.print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        command.stdout.write("  ".join(cells).rstrip())

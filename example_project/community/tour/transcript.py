"""Transcripts of Python sessions, which are run and printed with their real results."""

from collections.abc import Callable
from doctest import ELLIPSIS, DocTest, DocTestParser, DocTestRunner, Example
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

#: The duration of longer calls is printed.
WORTH_TELLING = 0.1  # seconds

Write = Callable[[str], object]
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]


class Teller(DocTestRunner):
    """Runs a transcript and prints it with its real results and the text between the calls."""

    def __init__(self, remarks: dict[int, str], style: Callable[[str], str]) -> None:
        super().__init__(optionflags=ELLIPSIS)
        self._style = style
        #: By the number of the line after each remark.
        self._remarks = remarks
        self._start = 0.0

    def report_start(self, out: Write, test: DocTest, example: Example) -> None:
        first, *more = example.source.splitlines()
        out(self._remarks.get(example.lineno, ""))
        out(self._style("\n".join([f">>> {first}", *(f"... {line}" for line in more)])) + "\n")
        self._start = perf_counter()

    def report_success(self, out: Write, test: DocTest, example: Example, got: str) -> None:
        seconds = perf_counter() - self._start
        out(got)
        if seconds > WORTH_TELLING:
            out(f"    ({seconds:.2f} s)\n")

    def report_failure(self, out: Write, test: DocTest, example: Example, got: str) -> None:
        out(f"{got}    (this should have been: {example.want.strip() or 'nothing'})\n")

    def report_unexpected_exception(self, out: Write, test: DocTest, example: Example, exc_info: Any) -> None:
        out(f"{exc_info[0].__name__}: {exc_info[1]}\n")


def tell(path: Path, write: Write, style: Callable[[str], str]) -> bool:
    """Run the transcript in a file, and write what really happens, calls in a style. True if it matches the file."""
    examples: list[Example] = []
    remarks: dict[int, str] = {}
    remark = ""
    for piece in DocTestParser().parse(path.read_text(encoding="utf-8"), path.name):
        if isinstance(piece, Example):
            examples.append(piece)
            remarks[piece.lineno] = remark
        else:
            remark = piece
    test = DocTest(examples, {}, path.stem, str(path), 0, None)
    failed = Teller(remarks, style).run(test, out=write).failed
    write(remark)
    return failed == 0

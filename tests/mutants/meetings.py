"""Which tests go through which lines: `python -m tests.mutants.meetings FILE [pytest's arguments]`."""

import json
import sys
from collections import defaultdict
from pathlib import Path

import coverage
import pytest

from tests.mutants.mutating import ROOMS, ROOT


class Contexts:
    """Tells the measurement which test runs, and how long each took."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):  # type: ignore[no-untyped-def]
        self._measured.switch_context(item.nodeid)
        yield
        self._measured.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


def main() -> int:
    file, *arguments = sys.argv[1:]
    measured = coverage.Coverage(
        data_file=None, config_file=False, include=[str(ROOT / "sequere" / room / "*") for room in ROOMS]
    )
    measured.start()
    contexts = Contexts(measured)
    code = pytest.main(["-q", "-p", "no:randomly", *arguments], plugins=[contexts])
    measured.stop()
    measured.report()
    data = measured.get_data()
    lines = {
        str(Path(path).relative_to(ROOT)): {
            line: [*filter(None, tests)] for line, tests in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    Path(file).write_text(json.dumps({"lines": lines, "seconds": contexts.seconds}))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

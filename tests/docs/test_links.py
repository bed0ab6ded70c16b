"""Every link resolves."""

import re
from pathlib import Path

from tests.docs.pages import DOCS, PAGES, ROOT, without_code


def test_every_link_to_a_file_or_a_heading_resolves() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text()))
        if "://" not in target and not _resolves(path, target)
    ]

    assert broken == []


def test_every_page_is_in_a_table_of_contents() -> None:
    entries = set(re.findall(r"^([\w-]+)$", (DOCS / "index.md").read_text(), re.MULTILINE))

    assert {path.stem for path in PAGES if path.parent == DOCS} == {"index", *entries}


def test_every_test_that_holds_a_guarantee_exists() -> None:
    sections = re.split(r"^## ", (DOCS / "guarantees.md").read_text(), flags=re.MULTILINE)[1:]
    named = [re.findall(r"`([\w/]+\.py)::(\w+)`", section) for section in sections]

    assert len(named) == 10
    assert all(named)
    for path, test in (one for tests in named for one in tests):
        assert f"def {test}(" in (ROOT / path).read_text(), test


def _resolves(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    return path.is_file() and (not anchor or anchor in _anchors(path))


def _anchors(path: Path) -> set[str]:
    """The anchors that GitHub and MyST give to headings."""
    titles = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

"""Pictures have a text for readers who cannot see them, and a dark scheme for those who prefer it."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.pages import DOCS, PAGES

SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted((DOCS / "images").glob("*.svg"))


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.name)
def test_a_drawing_has_a_title_and_a_description_and_both_schemes(path: Path) -> None:
    root = ElementTree.parse(path).getroot()

    said = [root.findtext(f"{SVG}{tag}") for tag in root.get("aria-labelledby", "").split()]

    assert root.get("role") == "img"
    assert len(said) == 2
    assert all(said)
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")


def test_a_drawing_takes_its_colours_from_the_scheme() -> None:
    fixed = [path.name for path in DRAWINGS if re.search(r'(fill|stroke)="#', path.read_text())]

    assert fixed == []


def test_every_picture_on_a_page_has_an_alternative_text() -> None:
    silent = [
        (path.name, source)
        for path in PAGES
        for text, source in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", path.read_text())
        if not text.strip()
    ]

    assert silent == []

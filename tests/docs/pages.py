"""Reading the pages of the documentation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n+)?^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COMMENTED_PATH = re.compile(r"^(?:#|<!--|\{#) (?P<path>[\w/]+\.\w+)(?: -->| #\})?$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code."""

    language: str
    text: str
    #: The reason that it is not run, from a comment before the block.
    reason: str | None = None

    @property
    def path(self) -> str | None:
        """The file that the first line names."""
        found = _COMMENTED_PATH.match(self.text.partition("\n")[0])
        return found["path"] if found else None


def page(name: str) -> str:
    return (DOCS / name).read_text()


def blocks(markdown: str) -> Iterator[Block]:
    return (Block(found["language"], found["text"], found["reason"]) for found in _FENCE.finditer(markdown))


def without_code(markdown: str) -> str:
    return _FENCE.sub("", markdown)


def sections(markdown: str, level: int) -> dict[str, str]:
    """The text below each heading of a level, up to the next heading of this level or a higher one."""
    heading = re.compile(rf"^#{{{level}}} (.+)$", re.MULTILINE)
    parts = heading.split(without_code(markdown))[1:]
    end = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE)
    return {title.strip("` "): end.split(text)[0] for title, text in zip(parts[::2], parts[1::2], strict=True)}


def table(markdown: str) -> list[list[str]]:
    """The rows of the first table, without its head."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]

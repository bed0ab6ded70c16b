"""A graph in a file: one line for each follow, "follower<TAB>followed", plain or compressed with gzip."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import ceil
from pathlib import Path
from typing import NamedTuple
from zlib import error as ZlibError  # noqa: N812  # an exception with the name of a function

from example_project.community.models import NAME_MAX_LENGTH, Project
from sequere.base import ResourceKey
from sequere.models import follow_many
from sequere.registry import registry

GZIP = b"\x1f\x8b"
#: Lines whose projects are looked up together, and created if they are missing.
BATCH_SIZE = 2000

Names = tuple[str, str]


class UnreadableGraph(Exception):
    """A file is not a graph; the message says where and why."""


class Loaded(NamedTuple):
    """The number of follows in a file, and how many rows were new."""

    follows: int
    new_follows: int
    new_projects: int


def load(path: Path, progress: Callable[[str, int, int], None], *, one_in: int = 1) -> Loaded:
    """Record the follows of a file, or one in so many, and create missing projects. Memory does not grow with the file.

    The whole file is read before anything is changed. Raises UnreadableGraph.
    """
    total = ceil(sum(1 for _ in read(path)) / one_in)
    created = 0

    def pairs() -> Iterator[tuple[ResourceKey, ResourceKey]]:
        nonlocal created
        lines = islice(read(path), 0, None, one_in)
        while batch := list(islice(lines, BATCH_SIZE)):
            projects, missing = _projects({name for names in batch for name in names})
            created += missing
            yield from ((projects[follower], projects[followed]) for follower, followed in batch)

    new = follow_many(pairs(), progress=lambda done: progress("follows", done, total))
    return Loaded(total, new, created)


def read(path: Path) -> Iterator[Names]:
    """The follows in a file, one by one. Raises UnreadableGraph."""
    number = 0
    try:
        with path.open("rb") as file:
            is_compressed = file.read(len(GZIP)) == GZIP
        with gzip.open(path) if is_compressed else path.open("rb") as lines:
            for line in lines:
                number += 1
                yield _names(line.rstrip(b"\r\n").decode())
    except ValueError as error:
        raise UnreadableGraph(f"{path}, line {number}: {error}") from error
    except (EOFError, ZlibError) as error:
        raise UnreadableGraph(f"{path}, after line {number}: {error}") from error
    except OSError as error:
        raise UnreadableGraph(f"{path}: {error.strerror or error}") from error


def _names(line: str) -> Names:
    names = line.split("\t")
    if len(names) != 2 or not all(names):
        raise ValueError(f"expected follower<TAB>followed, found {line[:100]!r}")
    follower, followed = names
    if follower == followed:
        raise ValueError(f"{follower!r} cannot follow itself")
    if max(map(len, names)) > NAME_MAX_LENGTH:
        raise ValueError(f"a name is longer than {NAME_MAX_LENGTH} characters")
    if "\x00" in line:
        raise ValueError("a name contains a NUL character")
    return follower, followed


def _projects(names: set[str]) -> tuple[dict[str, ResourceKey], int]:
    """The projects with these names, and how many of them are new. 1 query, 3 if any is missing.

    A follow needs only their keys; creating instances would take longer.
    """
    projects = _keys(names)
    missing = sorted(names - projects.keys())
    if missing:
        # Another process may have created one in the meantime.
        Project.objects.bulk_create([Project(name=name) for name in missing], ignore_conflicts=True)
        projects |= _keys(missing)
    return projects, len(missing)


def _keys(names: Iterable[str]) -> dict[str, ResourceKey]:
    identifier = registry.identifier_of(Project)
    found = Project.objects.filter(name__in=names).values_list("name", "pk").order_by()
    return {name: ResourceKey(identifier, str(pk)) for name, pk in found}

"""The servers that a page requires."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

import pytest

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import own_valkey
from tests.conftest import CI

REDIS = "redis://localhost:6379/0"
BROKER = "redis://localhost:6379/1"


@contextmanager
def served(markdown: str) -> Iterator[str]:
    """A page with the URL of a server of its own instead of Redis on localhost. Skipped without one, but not in CI."""
    with ExitStack() as servers:
        if REDIS in markdown:
            markdown = markdown.replace(REDIS, _redis(servers))
        if BROKER in markdown:
            markdown = markdown.replace(BROKER, _redis(servers).replace("unix://", "redis+socket://"))
        yield markdown


def skip_without(error: ServerUnavailable) -> NoReturn:
    """Skip, since this server is unavailable; in CI that is a failure."""
    if CI:
        raise error
    pytest.skip(str(error))


def _redis(servers: ExitStack) -> str:
    try:
        return servers.enter_context(own_valkey()).url
    except ServerUnavailable as error:
        skip_without(error)

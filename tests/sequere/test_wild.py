"""A short run of `python -m tests.wild`."""

import logging
from collections.abc import Iterator

import pytest

from tests.wild.entries import entries
from tests.wild.trying import site, try_all


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.inline
@pytest.mark.database
@pytest.mark.django_db
def test_no_entry_raises_what_is_not_ours() -> None:
    found = entries(site())

    result = try_all(found, 2 * len(found))

    assert dict(result.foreign) == {}, result.examples
    assert result.tried > len(found)
    assert result.answered > 0

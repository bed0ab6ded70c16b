"""The page that compares names what there is."""

import re

from sequere import conf, models, signals
from sequere.contrib import timeline
from sequere.mixin import SequereMixin
from tests.docs.pages import page

#: The heading of the tables' right columns.
HERE = re.compile(r"^\| (.+) \| (.+) \|$", re.MULTILINE)


def test_every_call_in_a_right_column_exists() -> None:
    calls = {
        name
        for _, here in HERE.findall(page("comparison.md"))
        for code in re.findall(r"`([^`]+)`", here)
        for name in re.findall(r"(?<![\w.])(?:user\.|project\.)?(\w+)\(", code)
    }

    known = {*dir(models), *dir(SequereMixin), *dir(signals), *dir(conf), *dir(timeline)}
    assert len(calls) > 30
    assert (
        calls - known - {"requires_approval", "get_public", "get_private", "save", "LikeAction", "Timeline", "register"}
        == set()
    )

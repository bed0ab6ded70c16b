"""What the three gates may be given: keys; texts and data; times. Most of it is impossible."""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from sequere import ResourceKey

PARIS = ZoneInfo("Europe/Paris")
#: 2:30 on this day comes twice, an hour apart.
TWICE = datetime(2024, 10, 27, 2, 30)  # noqa: DTZ001  # in whatever zone


class Hostile(tzinfo):
    """A time zone that cannot say what it is."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        raise KeyError(moment)


@cache  # one of 100,000 takes a fifth of a second
def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


#: Texts that some database, encoding or parser refuses, or understands as something else.
odd_texts = st.sampled_from(
    [
        "",
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff tail",
        "\\u0000",
        "%s %% {0}",
        "'; --",
        "x" * 256,
        "x" * 20_000,
        "e\u0301",
        "😀",
        "None",
        "-1",
        "1e309",
        str(2**63),
        "9" * 5_000,
        "user:1",
        "../..",
        "\r\nX: y",
    ]
)
texts = odd_texts | st.text(st.characters(codec=None), max_size=20)

#: Values of any type but instances.
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([2**63, -(2**63) - 1, 10**400])
    | st.floats()
    | st.sampled_from([Decimal("1.50"), Decimal("NaN"), UUID(int=1), b"\x00", object(), {1}, (), type, date.max])
    | texts
)
data = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts | st.integers(), children, max_size=3),
    max_leaves=6,
) | st.sampled_from([200, 100_000]).map(nested)

object_ids = st.sampled_from(["1", "2", "user", "not a number"]) | scalars
keys = st.builds(
    ResourceKey, st.sampled_from(["user", "project", "document", "package", "star", "nobody"]) | scalars, object_ids
)

moments = st.sampled_from(
    [
        datetime.min,  # noqa: DTZ901  # in whatever zone
        datetime.max,  # noqa: DTZ901
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC),
        TWICE,
        TWICE.replace(tzinfo=PARIS),
        TWICE.replace(tzinfo=PARIS, fold=1),
    ]
) | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(PARIS))
hostile = st.builds(lambda: TWICE.replace(tzinfo=Hostile()))
times = moments | hostile | st.floats() | st.integers(-(2**70), 2**70) | scalars
days = st.dates() | st.sampled_from([date.min, date.max]) | scalars

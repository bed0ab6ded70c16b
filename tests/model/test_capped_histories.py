"""A capped timeline keeps every entry that no newer ones have pushed out, however hysteresis delays the cuts."""

from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from sequere.contrib.timeline import Timeline
from sequere.replay.verifying import verifiable, verify
from tests.model.plain import Key, Plain
from tests.model.test_histories import EVERYTHING, Site, steps
from tests.read_models import undone
from tests.rounds import TIMES


class Cap:
    """The highest place from which on each timeline must be whole.

    It rises when more than `length` entries are above it, and never falls: entries that an import adds below it are
    optional.
    """

    def __init__(self, plain: Plain, length: int) -> None:
        self._plain, self._length = plain, length
        self._floors: dict[Key, tuple[Any, int]] = {}

    def look(self) -> None:
        """Update the places after a step."""
        for key in EVERYTHING:
            if key not in self._plain.private:
                self._floors.pop(key, None)  # deleted: the next owner starts afresh
            elif len(kept := self.kept(key)) > self._length:
                self._floors[key] = self._place(kept[self._length - 1])

    def kept(self, key: Key) -> list[str]:
        """The entries that must be present, newest first. One that is hidden keeps its place."""
        uids = self._plain.entries(key)
        return uids if key not in self._floors else [uid for uid in uids if self._place(uid) >= self._floors[key]]

    def _place(self, uid: str) -> tuple[Any, int]:
        action = self._plain.actions[uid]
        return action.date, action.order


@pytest.mark.django_db
@given(history=steps, imports=st.booleans(), removes=st.booleans(), length=st.integers(1, 3))
@settings(max_examples=9 * TIMES)
def test_no_entry_is_missing_or_superfluous(
    history: list[tuple[Any, ...]], imports: bool, removes: bool, length: int
) -> None:
    chosen = {
        "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW": imports,
        "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW": removes,
        "SEQUERE_TIMELINE_MAX_LENGTH": length,
    }
    with override_settings(**chosen), undone():
        site = Site(Plain(imports, removes))
        cap = Cap(site.plain, length)
        for step in history:
            site.do(*step)
            cap.look()

        for key in EVERYTHING:
            timeline = Timeline(site.get(key)).get_private()
            uids = [action.uid for action in timeline]
            shown = [uid for uid, _ in site.plain.timeline(key)]
            kept = [uid for uid in cap.kept(key) if uid in shown]
            assert uids[: len(kept)] == kept
            assert uids == shown[: len(uids)]
            assert len(uids) == timeline.count() <= length
        assert sum(verify(name).wrong for name in verifiable()) == 0

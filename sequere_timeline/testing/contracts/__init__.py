"""The contract of a backend of timelines, as tests for authors of new backends; like `sequere.testing.contracts`."""

from sequere_timeline.testing.contracts.cap import CapContract
from sequere_timeline.testing.contracts.deletions import DeletionsContract
from sequere_timeline.testing.contracts.entries import EntriesContract
from sequere_timeline.testing.contracts.filters import FiltersContract
from sequere_timeline.testing.contracts.follows import FollowEffectsContract
from sequere_timeline.testing.contracts.hidden import HiddenContract
from sequere_timeline.testing.contracts.marks import ReadMarksContract
from sequere_timeline.testing.contracts.pages import TimelinePagesContract
from sequere_timeline.testing.contracts.replays import TimelineReplaysContract
from sequere_timeline.testing.contracts.suspensions import SuspensionEffectsContract

__all__ = ["TimelinesContract"]


class TimelinesContract(
    EntriesContract,
    FiltersContract,
    TimelinePagesContract,
    FollowEffectsContract,
    HiddenContract,
    SuspensionEffectsContract,
    ReadMarksContract,
    DeletionsContract,
    CapContract,
    TimelineReplaysContract,
):
    """The contract of a backend of timelines (`sequere_timeline.backends.base.BaseTimelineBackend`)."""

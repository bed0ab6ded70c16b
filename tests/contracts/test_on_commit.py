"""The database backends keep their contracts in mode on_commit, too."""

import pytest
from django.test import TestCase, override_settings

from sequere.testing.contracts import FollowsContract
from sequere_timeline.testing.contracts import TimelinesContract
from tests.contracts.instances import Instances

pytestmark = pytest.mark.database
on_commit = override_settings(SEQUERE_PROJECTION_MODES={"follows": "on_commit", "timelines": "on_commit"})


@on_commit
class TestFollows(Instances, FollowsContract, TestCase):
    pass


@on_commit
class TestTimelines(Instances, TimelinesContract, TestCase):
    pass

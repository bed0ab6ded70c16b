"""The backends keep their contracts, where and how the environment says; in the database, after the commit as well."""

import pytest
from django.test import TestCase, override_settings

from sequere.testing.contracts import FollowsContract
from sequere_timeline.testing.contracts import TimelinesContract
from tests.conftest import BACKEND
from tests.contracts.instances import Instances

on_commit = override_settings(SEQUERE_PROJECTION_MODES={"follows": "on_commit", "timelines": "on_commit"})


class TestFollows(Instances, FollowsContract, TestCase):
    has_ties_in_order_of_the_log = BACKEND == "database"


class TestTimelines(Instances, TimelinesContract, TestCase):
    pass


@pytest.mark.database
@on_commit
class TestFollowsOnCommit(Instances, FollowsContract, TestCase):
    pass


@pytest.mark.database
@on_commit
class TestTimelinesOnCommit(Instances, TimelinesContract, TestCase):
    pass

"""The backends keep their contracts, on the database and in the mode of the environment."""

from django.test import TestCase

from sequere.testing.contracts import FollowsContract
from sequere_timeline.testing.contracts import TimelinesContract
from tests.contracts.instances import Instances


class TestFollows(Instances, FollowsContract, TestCase):
    pass


class TestTimelines(Instances, TimelinesContract, TestCase):
    pass

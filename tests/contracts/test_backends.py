"""The backends keep their contracts, on the database and in the mode of the environment."""

from django.test import TestCase

from sequere.testing.contracts import FollowsContract
from sequere_timeline.testing.contracts import TimelinesContract
from tests.conftest import BACKEND
from tests.contracts.instances import Instances


class TestFollows(Instances, FollowsContract, TestCase):
    has_ties_in_order_of_the_log = BACKEND == "database"


class TestTimelines(Instances, TimelinesContract, TestCase):
    pass

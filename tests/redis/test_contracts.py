"""The backends of Redis keep the contracts."""

from django.test import TestCase

from sequere.testing.contracts import FollowsContract
from tests.contracts.instances import Instances


class TestFollows(Instances, FollowsContract, TestCase):
    has_ties_in_order_of_the_log = False

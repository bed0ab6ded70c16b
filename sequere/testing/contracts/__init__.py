"""What a backend owes, as tests for whoever writes another one.

    class MemoryBackendTest(FollowsContract, TestCase):
        def create_user(self): ...
        def create_project(self): ...

The backend is that of the settings; `override_settings` decorates such a class. The tests are Django's, so `manage.py
test` runs them as pytest does, and nothing but Django is needed.
"""

from sequere.testing.contracts.base import Contract
from sequere.testing.contracts.friends import FriendsContract
from sequere.testing.contracts.lists import ListsContract
from sequere.testing.contracts.pages import PagesContract
from sequere.testing.contracts.questions import QuestionsContract
from sequere.testing.contracts.replays import ReplaysContract

__all__ = ["Contract", "FollowsContract"]


class FollowsContract(QuestionsContract, FriendsContract, ListsContract, PagesContract, ReplaysContract):
    """The contract of a backend of follows (`sequere.backends.base.BaseBackend`)."""

"""The contracts of backends and projectors, as tests for their authors.

    class MemoryBackendTest(FollowsContract, TestCase):
        def create_user(self): ...
        def create_project(self): ...

They test what the settings name; decorate the class with `override_settings` to choose something else. They need only
Django, and run with `manage.py test` and with pytest.
"""

from sequere.testing.contracts.algebra import AlgebraContract
from sequere.testing.contracts.base import Contract
from sequere.testing.contracts.blocks import BlocksContract
from sequere.testing.contracts.friends import FriendsContract
from sequere.testing.contracts.lists import ListsContract
from sequere.testing.contracts.moves import MovesContract
from sequere.testing.contracts.mutes import MutesContract
from sequere.testing.contracts.pages import PagesContract
from sequere.testing.contracts.projectors import ProjectorContract
from sequere.testing.contracts.questions import QuestionsContract
from sequere.testing.contracts.replays import ReplaysContract
from sequere.testing.contracts.requests import RequestsContract
from sequere.testing.contracts.scopes import ScopesContract
from sequere.testing.contracts.suspensions import SuspensionsContract

__all__ = ["Contract", "FollowsContract", "ProjectorContract"]


class FollowsContract(
    QuestionsContract,
    FriendsContract,
    AlgebraContract,
    ListsContract,
    PagesContract,
    ScopesContract,
    BlocksContract,
    RequestsContract,
    MutesContract,
    SuspensionsContract,
    MovesContract,
    ReplaysContract,
):
    """The contract of a backend of follows (`sequere.backends.base.BaseBackend`)."""

"""What a move costs, and whom it tells."""

from typing import Any

import pytest

from sequere import signals
from sequere.models import block, follow_many, get_followers_count, move
from tests.factories import UserFactory
from tests.statements import at_most
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


@pytest.mark.inline
@pytest.mark.parametrize("number", [2, 50])
def test_a_move_costs_as_many_statements_for_many_relations_as_for_few(
    thoas: User, newbie: User, project: Project, number: int
) -> None:
    fans = User.objects.bulk_create(UserFactory.build_batch(number))
    follow_many((fan, thoas) for fan in fans)
    block(thoas, project)

    with at_most(40):
        assert thoas.move(newbie) == number + 1

    assert get_followers_count(newbie) == number


def test_a_move_sends_no_signals(thoas: User, newbie: User, django_capture_on_commit_callbacks: Any) -> None:
    follow_many([(thoas, UserFactory())])
    told: list[Any] = []

    def receive(event: Any, **_: Any) -> None:
        told.append(event)

    signals.followed.connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        moved = move(thoas, newbie)
    signals.followed.disconnect(receive)

    assert (moved, told) == (1, [])

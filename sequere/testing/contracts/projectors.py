"""The contract of a projector: what is true of a read model whatever happens to its events."""

from typing import TYPE_CHECKING, Any

from django.db import router

from sequere.log.models import Event
from sequere.projections.registry import projection
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import IsolatedMixin, drain

if TYPE_CHECKING:
    from django.test import TestCase as _TestCase
else:
    _TestCase = object


class ProjectorContract(IsolatedMixin, _TestCase):
    """Subclass it together with django.test.TestCase, and say which projection it is about."""

    #: The name of the projection in SEQUERE_PROJECTORS.
    projection: str

    def record_events(self) -> None:
        """Record some events that the projector applies."""
        raise NotImplementedError

    def state(self) -> Any:
        """The content of the read model, in an order of its own, as something that can be compared."""
        raise NotImplementedError

    def damage(self) -> None:
        """Change the read model behind the back of the projector: lose, change and add rows."""

    def setUp(self) -> None:
        super().setUp()
        self.record_events()
        drain()
        self.using = router.db_for_write(Event)
        self.projector = projection(self.projection)
        self.before = self.state()

    def test_its_events_leave_something(self) -> None:
        self.assertTrue(self.before)

    def test_a_rebuild_changes_nothing(self) -> None:
        rebuild(self.projection)

        self.assertEqual(self.state(), self.before)

    def test_a_rebuild_repairs_damage(self) -> None:
        self.damage()

        rebuild(self.projection)

        self.assertEqual(self.state(), self.before)

    def test_events_that_come_again_change_nothing(self) -> None:
        if not self.projector.verifiable:
            self.skipTest("only a level-triggered projector may get an event twice")

        self.projector.apply(Event.objects.using(self.using).order_by("id"), using=self.using)

        self.assertEqual(self.state(), self.before)

    def test_events_in_another_order_change_nothing(self) -> None:
        if not self.projector.verifiable:
            self.skipTest("only a level-triggered projector may get events in any order")

        for event in Event.objects.using(self.using).order_by("-id"):
            self.projector.apply([event], using=self.using)

        self.assertEqual(self.state(), self.before)

    def test_a_verification_finds_nothing(self) -> None:
        if not self.projector.verifiable:
            self.skipTest("the projector is not verifiable")

        self.assertEqual(verify(self.projection).wrong, 0)

    def test_a_verification_finds_and_repairs_damage(self) -> None:
        self.damage()
        if not self.projector.verifiable or self.state() == self.before:
            self.skipTest("the projector is not verifiable, or nothing was damaged")

        self.assertGreater(verify(self.projection, repair=True).wrong, 0)

        self.assertEqual(self.state(), self.before)
        self.assertEqual(verify(self.projection).wrong, 0)

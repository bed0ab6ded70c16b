"""A host project has metrics without a line of its own."""

from django.test import Client, TransactionTestCase, override_settings

from sequere.models import follow
from tests.factories import UserFactory


@override_settings(SEQUERE_PROJECTION_MODES={"follows": "on_commit", "timelines": "on_commit"})
class MetricsTest(TransactionTestCase):
    def test_a_follow_is_counted(self) -> None:
        follow(UserFactory(), UserFactory())

        response = Client().get("/metrics")

        self.assertContains(response, 'sequere_events_recorded_total{type="followed"}')
        self.assertContains(response, 'sequere_events_applied_total{queue="built-in",type="followed"}')
        self.assertContains(response, "sequere_up 1.0")
        self.assertTrue(response.headers["Content-Type"].startswith("text/plain; version="))

"""django-activity-stream: an action is one row, and a stream is looked for when it is read."""

from actstream import action, registry
from actstream.actions import follow, is_following, unfollow
from actstream.models import Action, Follow, followers, user_stream
from django.contrib.contenttypes.models import ContentType

from tests.benchmarks.peers.app.models import Item, User
from tests.benchmarks.peers.network import Network
from tests.benchmarks.peers.process import PAGE

registry.register(User, Item)


class Peer:
    def load(self, network: Network) -> dict[str, float]:
        user, item = map(ContentType.objects.get_for_model, (User, Item))
        Follow.objects.bulk_create(
            (Follow(user_id=one, content_type=user, object_id=other) for one, other in network.follows),
            batch_size=5000,
        )
        Action.objects.bulk_create(
            (
                Action(
                    actor_content_type=user,
                    actor_object_id=actor,
                    verb="publish",
                    target_content_type=item,
                    target_object_id=target,
                )
                for actor, target in network.actions
            ),
            batch_size=5000,
        )
        return {}

    def follow(self, one: User, other: User) -> None:
        follow(one, other)

    def unfollow(self, one: User, other: User) -> None:
        unfollow(one, other)

    def is_following(self, one: User, other: User) -> bool:
        return is_following(one, other)

    def count(self, user: User) -> int:
        return Follow.objects.for_object(user).count()

    def followers(self, user: User) -> int:
        return len(followers(user)[:PAGE])

    def timeline(self, user: User) -> int:
        return len(user_stream(user)[:PAGE])

    def publish(self, user: User, item: Item) -> None:
        action.send(user, verb="publish", target=item)

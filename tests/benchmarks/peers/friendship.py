"""django-friendship: follows between users, whose lists are kept whole in Django's cache."""

from friendship.models import Follow

from tests.benchmarks.peers.app.models import User
from tests.benchmarks.peers.network import Network
from tests.benchmarks.peers.process import PAGE


class Peer:
    def load(self, network: Network) -> dict[str, float]:
        Follow.objects.bulk_create(
            (Follow(follower_id=one, followee_id=other) for one, other in network.follows), batch_size=5000
        )
        return {}

    def follow(self, one: User, other: User) -> None:
        Follow.objects.add_follower(one, other)

    def unfollow(self, one: User, other: User) -> None:
        Follow.objects.remove_follower(one, other)

    def is_following(self, one: User, other: User) -> bool:
        return Follow.objects.follows(one, other)

    def count(self, user: User) -> int:
        return user.followers.count()

    def followers(self, user: User) -> int:
        return len(Follow.objects.followers(user)[:PAGE])

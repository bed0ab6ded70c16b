"""Follows by POST, lists as JSON, and the health and ready views: `path("sequere/", include("sequere.urls"))`."""

from django.urls import path

from sequere.views import lists, monitoring, verbs

app_name = "sequere"

urlpatterns = [
    path("follow/", verbs.follow, name="follow"),
    path("unfollow/", verbs.unfollow, name="unfollow"),
    path("accept/", verbs.accept, name="accept"),
    path("deny/", verbs.deny, name="deny"),
    path("cancel/", verbs.cancel, name="cancel"),
    path("followers/remove/", verbs.remove_follower, name="remove_follower"),
    path("block/", verbs.block, name="block"),
    path("unblock/", verbs.unblock, name="unblock"),
    path("mute/", verbs.mute, name="mute"),
    path("unmute/", verbs.unmute, name="unmute"),
    path("health/", monitoring.health, name="health"),
    path("ready/", monitoring.ready, name="ready"),
    # A key may be any text, also one with slashes in it.
    path("<str:identifier>/<path:object_id>/followers/", lists.followers, name="followers"),
    path("<str:identifier>/<path:object_id>/followings/", lists.followings, name="followings"),
    path("<str:identifier>/<path:object_id>/friends/", lists.friends, name="friends"),
    # About who follows for the request, too.
    path("suggestions/", lists.suggestions, name="suggestions"),
    path("<str:identifier>/<path:object_id>/followers/common/", lists.common_followers, name="common_followers"),
    path("<str:identifier>/<path:object_id>/followings/common/", lists.common_followings, name="common_followings"),
    path(
        "<str:identifier>/<path:object_id>/followers/followed/",
        lists.followed_by_followings,
        name="followed_by_followings",
    ),
    path("<str:identifier>/<path:object_id>/pending/", lists.pending, name="pending"),
    path("<str:identifier>/<path:object_id>/pending/with/", lists.pending_with, name="pending_with"),
    path("<str:identifier>/<path:object_id>/blocked/", lists.blocked, name="blocked"),
    path("<str:identifier>/<path:object_id>/muted/", lists.muted, name="muted"),
]

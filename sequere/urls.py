"""Follows by POST, lists as JSON, and the health and ready views: `path("sequere/", include("sequere.urls"))`."""

from django.urls import path

from sequere import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
    path("accept/", views.accept, name="accept"),
    path("deny/", views.deny, name="deny"),
    path("cancel/", views.cancel, name="cancel"),
    path("followers/remove/", views.remove_follower, name="remove_follower"),
    path("block/", views.block, name="block"),
    path("unblock/", views.unblock, name="unblock"),
    path("mute/", views.mute, name="mute"),
    path("unmute/", views.unmute, name="unmute"),
    path("health/", views.health, name="health"),
    path("ready/", views.ready, name="ready"),
    # A key may be any text, also one with slashes in it.
    path("<str:identifier>/<path:object_id>/followers/", views.followers, name="followers"),
    path("<str:identifier>/<path:object_id>/followings/", views.followings, name="followings"),
    path("<str:identifier>/<path:object_id>/friends/", views.friends, name="friends"),
    # About who follows for the request, too.
    path("suggestions/", views.suggestions, name="suggestions"),
    path("<str:identifier>/<path:object_id>/followers/common/", views.common_followers, name="common_followers"),
    path("<str:identifier>/<path:object_id>/followings/common/", views.common_followings, name="common_followings"),
    path(
        "<str:identifier>/<path:object_id>/followers/followed/",
        views.followed_by_followings,
        name="followed_by_followings",
    ),
    path("<str:identifier>/<path:object_id>/pending/", views.pending, name="pending"),
    path("<str:identifier>/<path:object_id>/pending/with/", views.pending_with, name="pending_with"),
    path("<str:identifier>/<path:object_id>/blocked/", views.blocked, name="blocked"),
    path("<str:identifier>/<path:object_id>/muted/", views.muted, name="muted"),
]

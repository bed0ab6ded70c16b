from django.urls import path

from example_project.community import views

urlpatterns = [
    path("", views.home, name="home"),
    path("projects/<int:pk>/", views.project, name="project"),
    path("people/<str:username>/", views.person, name="person"),
    path("follow/<str:identifier>/<str:object_id>/", views.follow, name="follow"),
    path("unfollow/<str:identifier>/<str:object_id>/", views.unfollow, name="unfollow"),
]

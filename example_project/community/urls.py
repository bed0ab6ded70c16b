from django.urls import path

from example_project.community.relations import LISTS
from example_project.community.views import home, people, projects, search

urlpatterns = [
    path("", home.home, name="home"),
    path("read/", home.read, name="read"),
    path("latest/", home.latest, name="latest"),
    path("search/", search.search, name="search"),
    path("sign-up/", people.SignUp.as_view(), name="sign-up"),
    path("requests/", people.requests, name="requests"),
    path("profile/", people.EditProfile.as_view(), name="edit-profile"),
    path("people/<str:username>/", people.person, name="person"),
    path("projects/", projects.projects, name="projects"),
    path("projects/new/", projects.StartProject.as_view(), name="start-project"),
    path("projects/<int:pk>/", projects.project, name="project"),
    path("projects/<int:pk>/edit/", projects.EditProject.as_view(), name="edit-project"),
    path("projects/<int:pk>/release/", projects.release, name="release"),
    path("projects/<int:pk>/like/", projects.like, name="like"),
    path("projects/<int:pk>/unlike/", projects.unlike, name="unlike"),
]
for which in LISTS:
    urlpatterns += [
        path(f"people/<str:username>/{which}/", people.relations, {"which": which}, name=f"person-{which}"),
        path(f"projects/<int:pk>/{which}/", projects.relations, {"which": which}, name=f"project-{which}"),
    ]

from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "example_project.community"

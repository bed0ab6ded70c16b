from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from example_project.community.models import Project, User

admin.site.register(User, UserAdmin)


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic when it runs
    search_fields = ("name",)

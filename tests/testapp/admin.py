from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from sequere.admin import ResourceAdminMixin

from .models import Article, Document, Package, Project, Stranger, User

admin.site.register(User, UserAdmin)
admin.site.register(Stranger)
admin.site.register(Document)


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at runtime
    search_fields = ("name",)


@admin.register(Package)
class PackageAdmin(ResourceAdminMixin):
    search_fields = ("name",)


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at runtime
    change_form_template = "testapp/change_form.html"

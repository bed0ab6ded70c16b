"""The forms of the site."""

from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.utils.translation import gettext_lazy as _

from example_project.community.models import TEXT_MAX_LENGTH, Project, User


class Text(forms.CharField):
    """A few sentences."""

    def __init__(self, *, rows: int = 3, **options: Any) -> None:
        super().__init__(max_length=TEXT_MAX_LENGTH, widget=forms.Textarea({"rows": rows}), **options)


class SignUpForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("username", "first_name", "last_name")


class ProfileForm(forms.ModelForm):
    about = Text(label=_("About you"), required=False)

    class Meta:
        model = User
        fields = ("first_name", "last_name", "about", "is_private")


class ProjectForm(forms.ModelForm):
    about = Text(label=_("What it is about"), required=False)

    class Meta:
        model = Project
        fields = ("name", "about")


class NoteForm(forms.Form):
    text = Text(label=_("What is new?"), rows=2)


class ReadForm(forms.Form):
    until = forms.DateTimeField()


class ReleaseForm(forms.Form):
    version = forms.CharField(label=_("Version"), max_length=40)
    text = Text(label=_("What is new in it"), required=False)

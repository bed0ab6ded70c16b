"""Every text of the admin is translated into French."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext, ngettext

import sequere
from sequere.models import follow
from tests.admin.pages import EVENTS, PROJECTIONS, text_of
from tests.testapp.models import Project, User

PACKAGE = Path(sequere.__file__).parent
#: The same in both languages.
ALIKE = {"Projections", "projections", "Projection", "Mode", "Type", "Pages", "Suspensions"}
ALIKE |= {"%(number)s s", "version %(version)s"}


def texts() -> set[str]:
    """The texts of the admin to be translated; of a plural, the first form."""
    python = "".join(path.read_text() for path in (PACKAGE / "admin").glob("*.py"))
    templates = "".join(path.read_text() for path in (PACKAGE / "templates" / "admin").rglob("*.html"))
    blocks = re.findall(r"{% blocktranslate[^%]*%}(.*?){% (?:plural|endblocktranslate) %}", templates)
    return {
        *re.findall(r'\b(?:_|gettext_lazy|ngettext)\(\s*"([^"]+)"', python),
        *re.findall(r'{% translate "([^"]+)"', templates),
        *(re.sub(r"{{ (\w+) }}", r"%(\1)s", block) for block in blocks),
    }


def test_every_text_is_translated() -> None:
    found = texts()

    with translation.override("fr"):
        # Older Pythons find a text that has a plural only when they are asked for a number of it.
        missing = {text for text in found if gettext(text) == text == ngettext(text, text, 1)} - ALIKE

    assert len(found) > 90
    assert missing == set()


@pytest.mark.django_db
def test_pages_are_french(browser: Client, thoas: User, project: Project) -> None:
    event = follow(thoas, project)
    assert event

    with translation.override("fr"):
        texts = [text_of(browser.get(url)) for url in (EVENTS, f"{EVENTS}{event.pk}/change/", PROJECTIONS)]

    assert ["Exporter en CSV" in texts[0], "Avant et après" in texts[1], "Projecteur" in texts[2]] == [True] * 3

"""English and French."""

from pathlib import Path

from django.test import SimpleTestCase
from django.utils.translation import override

from example_project.community.apps import CommunityConfig
from example_project.settings import BASE_DIR
from tests.example.site import SiteTest

CATALOG = Path(BASE_DIR, "community", "locale", "fr", "LC_MESSAGES", "django.po")


class Languages(SiteTest):
    def test_a_page_speaks_the_language_of_the_browser(self) -> None:
        content = self.get("/projects/", headers={"Accept-Language": "fr-CH, en;q=0.5"})

        assert '<html lang="fr">' in content
        assert "Les projets les plus suivis" in content
        assert ">Suivre</button>" in content

    def test_a_language_can_be_chosen(self) -> None:
        response = self.client.post("/language/setlang/", {"language": "fr", "next": "/latest/"})

        assert response.url == "/latest/"
        assert "Ce que tout le monde fait" in self.get("/latest/")

    def test_a_date_is_written_in_the_language(self) -> None:
        assert "à l’instant" in self.get("/latest/", headers={"Accept-Language": "fr"})


class Catalog(SimpleTestCase):
    def test_the_catalog_is_complete(self) -> None:
        text = CATALOG.read_text(encoding="utf-8")

        assert "fuzzy" not in text
        assert 'msgstr ""\n\n' not in text.partition("\n\n")[2]
        with override("fr"):
            assert str(CommunityConfig.verbose_name) == "Communauté"

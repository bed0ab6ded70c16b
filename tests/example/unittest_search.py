"""Search for people and projects."""

import re
from urllib.parse import urlencode

from example_project.community.models import User
from tests.example.site import FullSiteTest, SiteTest


class Search(SiteTest):
    def search(self, **query: str) -> str:
        return self.get(f"/search/?{urlencode(query)}")

    def test_a_search_finds_both(self) -> None:
        User.objects.create_user("george", first_name="George", last_name="Classe")

        content = self.search(q="CLASSE")

        assert ">George Classe</a>" in content
        assert ">La classe americaine</a>" in content
        assert ">thoas</a>" not in content

    def test_every_word_counts(self) -> None:
        User.objects.create_user("george", first_name="George", last_name="Abitbol")
        User.objects.create_user("other", first_name="George", last_name="Sand")

        content = self.search(q="george  abit")

        assert ">George Abitbol</a>" in content
        assert ">George Sand</a>" not in content

    def test_a_search_explains_itself_and_says_when_it_finds_nothing(self) -> None:
        nothing, hint = self.search(q="nothing"), self.search(q="  ")

        assert "Nobody has such a name." in nothing
        assert "There is no such project." in nothing
        assert "Search for people by their names" in hint

    def test_an_invalid_search_is_reported(self) -> None:
        for query in ({"q": "x" * 101}, {"q": "x", "kind": "robots"}, {"q": "x\x00"}):
            assert 'class="errorlist"' in self.search(**query)

    def test_the_search_text_is_escaped(self) -> None:
        content = self.search(q='"><script>alert(1)</script>')

        assert "<script>alert" not in content
        assert "Search: &quot;&gt;&lt;script&gt;" in content


class PagesOfSearch(FullSiteTest):
    def test_pages_repeat_nobody_and_omit_nobody(self) -> None:
        few = self.get("/search/?q=user")

        assert few.count('<a class="name"') == 5
        pages = self.walk("/search/", "?q=user&kind=people")
        names = [name for page in pages for name in re.findall('class="name" href="/people/(.*?)/"', page)]
        assert names == [f"user{number:02}" for number in range(25)]

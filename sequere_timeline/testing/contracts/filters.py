"""`action=` and `target=` filter lists and counts, private and public, and can be combined."""

from dataclasses import dataclass
from typing import Any

from django.db import models

from sequere.api import follow
from sequere.base import ResourceKey
from sequere.testing.contracts.base import key_of
from sequere_timeline.testing.contracts.base import Joins, Likes, TimelineContract, save
from sequere_timeline.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Story:
    """The actions of thoas, by the names that the tests use."""

    film: models.Model
    other_film: models.Model
    names: dict[str | None, str]


class FiltersContract(TimelineContract):
    """By verb, by kind of target, by one target, and by both."""

    def tell(self) -> Story:
        """thoas joins and likes; newbie follows thoas."""
        film, other_film = self.project, self.create_project()
        follow(self.newbie, self.thoas)
        actions = {
            "joins": save(self.thoas, 1),
            "likes film": save(self.thoas, 2, film, kind=Likes),
            "likes newbie": save(self.thoas, 3, self.newbie, kind=Likes),
            "joins film": save(self.thoas, 4, film),
            "likes other film": save(self.thoas, 5, other_film, kind=Likes),
        }
        return Story(film, other_film, {action.uid: name for name, action in actions.items()})

    def assert_found(self, story: Story, filters: dict[str, Any], *expected: str) -> None:
        """A filter finds and counts the same in the private, the public and a follower's timeline."""
        own, reader = Timeline(self.thoas), Timeline(self.newbie)
        for list_of in (own.get_private, own.get_public, reader.get_private):
            self.assertEqual([story.names[action.uid] for action in list_of(**filters)], list(expected))
        for count in (own.get_private_count, own.get_public_count, reader.get_private_count, reader.get_unread_count):
            self.assertEqual(count(**filters), len(expected))

    def test_by_action_class_or_verb(self) -> None:
        story = self.tell()

        for action in (Joins, Joins.verb):
            self.assert_found(story, {"action": action}, "joins film", "joins")

    def test_by_a_verb_that_nobody_has(self) -> None:
        self.assert_found(self.tell(), {"action": "contract: leaves"})

    def test_by_kind_of_target(self) -> None:
        """The kind of the timeline's owner is not a target of all actions."""
        story = self.tell()

        for target in (type(self.project), self.project_kind):
            self.assert_found(story, {"target": target}, "likes other film", "joins film", "likes film")
        for target in (type(self.thoas), self.user_kind):
            self.assert_found(story, {"target": target}, "likes newbie")

    def test_by_one_target(self) -> None:
        """By the instance, not only by its model."""
        story = self.tell()

        for target in (story.film, key_of(story.film)):
            self.assert_found(story, {"target": target}, "joins film", "likes film")
        self.assert_found(story, {"target": story.other_film}, "likes other film")
        self.assert_found(story, {"target": self.newbie}, "likes newbie")
        self.assert_found(story, {"target": self.create_project()})

    def test_by_action_and_target(self) -> None:
        story = self.tell()

        self.assert_found(story, {"action": Likes, "target": type(self.project)}, "likes other film", "likes film")
        self.assert_found(story, {"action": Likes, "target": story.film}, "likes film")
        self.assert_found(story, {"action": Joins, "target": story.other_film})

    def test_a_filtered_timeline_is_a_list_too(self) -> None:
        story = self.tell()

        filtered = Timeline(self.newbie).get_private(target=type(self.project))
        oldest_first = Timeline(self.newbie).get_private(action=Likes, target=type(self.project), desc=False)

        self.assertEqual([action.date.day for action in filtered[1:]], [4, 2])
        self.assertEqual([filtered[place].date.day for place in (0, -1)], [5, 2])
        self.assertEqual([action.date.day for action in filtered.iterator(chunk_size=2)], [5, 4, 2])
        self.assertEqual([action.target for action in oldest_first], [story.film, story.other_film])

    def test_a_target_of_the_same_kind_as_the_actor_counts_once(self) -> None:
        """In the list and in the count."""
        save(self.thoas, 1, self.newbie, kind=Likes)

        for filters in ({}, {"target": type(self.newbie)}, {"action": Likes, "target": self.newbie}):
            found: list[Any] = list(Timeline(self.thoas).get_private(**filters))
            self.assertEqual((len(found), Timeline(self.thoas).get_private_count(**filters)), (1, 1))

    def test_an_actor_who_is_his_own_target_counts_once(self) -> None:
        follow(self.newbie, self.thoas)
        save(self.thoas, 1, self.thoas, kind=Likes)

        for owner in (self.thoas, self.newbie):
            for target in (self.thoas, type(self.thoas)):
                found = Timeline(owner).get_private(target=target)
                self.assertEqual((len(found), Timeline(owner).get_private_count(target=target)), (1, 1))
        self.assertEqual(Timeline(self.thoas).get_public_count(target=self.thoas), 1)

    def test_an_object_id_of_another_kind_is_another_target(self) -> None:
        save(self.thoas, 1, self.project, kind=Likes)
        namesake = ResourceKey(self.user_kind, key_of(self.project).object_id)

        self.assertEqual(list(Timeline(self.thoas).get_private(target=namesake)), [])
        self.assertEqual(Timeline(self.thoas).get_private_count(target=self.project), 1)

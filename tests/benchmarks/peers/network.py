"""The network that all hold: who follows whom, and who has published what. The same in every run.

It knows neither Django nor Sequere, since every environment imports it. People and items are their primary keys.
"""

from collections import Counter
from itertools import islice
from random import Random

#: For a number of people, the number of follows.
FOLLOWS = {2_000: 64_543, 20_000: 749_130}
#: How many actions a prolific author has published, and another one.
MANY, FEW = 100, 2


class Network:
    """Follows in random order, with heavy tails: a celebrity that all follow, stars with just so many followers, and
    others, of whom the most popular tenth has almost half of the rest."""

    def __init__(self, people: int) -> None:
        random = Random(people)
        everybody = range(1, people + 1)
        numbers = iter(everybody)
        self.people = people
        self.celebrity = next(numbers)
        #: For a number of followers, those who have it.
        self.stars = {
            followers: [*islice(numbers, people // one_in)]
            for followers, one_in in ((10_000, 10_000), (1_000, 200), (100, 100))
            if followers < people
        }
        #: They have 100 followers too.
        self.prolific = [*islice(numbers, 5)]
        self.others = [*numbers]
        #: Half of the others have never published anything.
        self.authors, self.silent = self.others[::2], self.others[1::2]
        #: They follow nobody.
        self.guests = [*range(people + 1, people + 101)]
        #: For a number of entries, somebody with so many from a guest, and from nobody else.
        self.archives = {1_400: people + 101, 100_000: people + 102} if people >= 20_000 else {1_400: people + 101}
        self.accounts = people + 102

        follows = {(one, self.celebrity) for one in everybody if one != self.celebrity}
        for followers, stars in (*self.stars.items(), (100, self.prolific)):
            for star in stars:
                follows |= {(one, star) for one in self._some(followers, star, random)}
        each, rest = divmod(FOLLOWS[people] - len(follows), people)
        for one in everybody:
            followed: set[int] = set()
            while len(followed) < each + (one <= rest):
                # The third power: a tenth of the others have almost half of these followers.
                other = self.others[int(len(self.others) * random.random() ** 3)]
                if other != one:
                    followed.add(other)
            follows |= {(one, other) for other in followed}
        #: Pairs: who follows, and who is followed.
        self.follows = sorted(follows)
        random.shuffle(self.follows)

        actors = self.authors * FEW + self.prolific * MANY
        random.shuffle(actors)
        #: Pairs in the order of publication: an actor and an item.
        self.actions = [(actor, random.randint(1, people)) for actor in actors]

    def entries(self) -> Counter[int]:
        """How many of the actions those whom somebody follows have published."""
        published, entries = Counter(actor for actor, _ in self.actions), Counter[int]()
        for one, other in self.follows:
            entries[one] += published[other]
        return entries

    def _some(self, number: int, star: int, random: Random) -> list[int]:
        """As many people without the star."""
        return [one + (one >= star) for one in random.sample(range(1, self.people), number)]

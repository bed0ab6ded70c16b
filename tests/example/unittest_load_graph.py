"""manage.py load_graph, on valid and invalid files. Run by Django's own runner."""

import gzip
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import CommandError, call_command
from django.test import TestCase

from example_project.community.models import Project
from example_project.community.statistics import most_followed
from sequere.models import Event, get_followers, get_followings

GRAPH = "bash\tlibc6\nbash\tdpkg\ncoreutils\tlibc6\ndpkg\tlibc6\n"


class LoadGraph(TestCase):
    def setUp(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = Path(directory.name, "graph.tsv")

    def load(self, content: bytes, **options: int) -> str:
        self.file.write_bytes(content)
        output = StringIO()
        call_command("load_graph", self.file, stdout=output, **options)
        return output.getvalue()

    def refusal_of(self, content: bytes) -> str:
        with self.assertRaises(CommandError) as refusal:  # noqa: PT027  # Django's own runner
            self.load(content)
        return str(refusal.exception).removeprefix(f"{self.file}, ")

    def test_projects_are_created_and_follow_each_other(self) -> None:
        output = self.load(GRAPH.encode())

        assert "4 follows read; new: 4 projects, 4 follows\n" in output
        assert "follows per second" in output
        libc6, bash = Project.objects.get(name="libc6"), Project.objects.get(name="bash")
        followers = [str(follower) for follower, _ in get_followers(libc6, desc=False)]
        assert followers == ["bash", "coreutils", "dpkg"]
        followings = [str(following) for following, _ in get_followings(bash, desc=False)]
        assert followings == ["libc6", "dpkg"]
        ranking = [(str(project), number) for project, number in most_followed(5)]
        assert ranking == [("libc6", 3), ("dpkg", 1)]

    def test_a_compressed_file_is_recognised_whatever_its_name(self) -> None:
        output = self.load(gzip.compress(GRAPH.encode()))

        assert "4 follows read; new: 4 projects, 4 follows\n" in output

    def test_lines_may_end_as_on_windows(self) -> None:
        self.load(GRAPH.replace("\n", "\r\n").encode())

        names = list(Project.objects.values_list("name", flat=True))
        assert names == ["bash", "coreutils", "dpkg", "libc6"]

    def test_a_repeated_line_is_one_follow(self) -> None:
        output = self.load((GRAPH * 2).encode())

        assert "8 follows read; new: 4 projects, 4 follows\n" in output

    def test_a_file_of_many_batches_is_loaded_whole(self) -> None:
        lines = [f"package {number}\tlibc6\n" for number in range(4001)]

        output = self.load("".join(lines).encode())

        assert "4,001 follows read; new: 4,002 projects, 4,001 follows\n" in output
        assert most_followed(1) == [(Project.objects.get(name="libc6"), 4001)]

    def test_a_part_of_a_file_can_be_loaded(self) -> None:
        output = self.load(GRAPH.encode(), one_in=3)

        assert "2 follows read; new: 3 projects, 2 follows\n" in output
        assert most_followed(5) == [(Project.objects.get(name="libc6"), 2)]

    def test_a_second_run_adds_nothing(self) -> None:
        self.load(GRAPH.encode())
        events = Event.objects.count()

        output = self.load(GRAPH.encode())

        assert "4 follows read; new: 0 projects, 0 follows\n" in output
        assert Event.objects.count() == events

    def test_an_existing_project_is_used(self) -> None:
        libc6 = Project.objects.create(name="libc6")

        output = self.load(GRAPH.encode())

        assert "new: 3 projects, 4 follows\n" in output
        assert libc6.get_followers_count() == 3

    def test_an_empty_file_says_that_there_was_nothing(self) -> None:
        output = self.load(b"")

        assert "0 follows read; new: 0 projects, 0 follows\n" in output

    def test_a_malformed_line_is_named_and_nothing_is_loaded(self) -> None:
        refusals = {
            "a\tb\nc\n": "line 2: expected follower<TAB>followed, found 'c'",
            "a\tb\n\n": "line 2: expected follower<TAB>followed, found ''",
            "a\tb\tc\n": "line 1: expected follower<TAB>followed, found 'a\\tb\\tc'",
            "a\t\n": "line 1: expected follower<TAB>followed, found 'a\\t'",
            "a\tb\na\ta\n": "line 2: 'a' cannot follow itself",
            f"a\t{'x' * 201}\n": "line 1: a name is longer than 200 characters",
            "a\tb\x00\n": "line 1: a name contains a NUL character",
        }

        found = {content: self.refusal_of(content.encode()) for content in refusals}

        assert found == refusals
        assert not Project.objects.exists()

    def test_a_file_that_is_not_text_is_refused(self) -> None:
        refusal = self.refusal_of(b"a\tb\n\xff\tc\n")

        assert refusal.startswith("line 2: 'utf-8' codec can't decode")

    def test_a_truncated_compressed_file_is_refused(self) -> None:
        refusal = self.refusal_of(gzip.compress(GRAPH.encode())[:-12])

        assert "Compressed file ended" in refusal
        assert not Project.objects.exists()

    def test_a_damaged_compressed_file_is_refused(self) -> None:
        content = bytearray(gzip.compress(GRAPH.encode()))
        content[12] ^= 0xFF

        self.refusal_of(bytes(content))

        assert not Project.objects.exists()

    def test_a_missing_file_is_named(self) -> None:
        missing = self.file.with_name("missing.tsv")

        with self.assertRaisesMessage(CommandError, f"{missing}: No such file or directory"):
            call_command("load_graph", missing)

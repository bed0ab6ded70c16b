"""A Django project in a directory of its own, made by doing what a page says."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.docs.pages import ROOT, Block

#: What a reader does that a test need not do, or that would never end.
LEFT_OUT = ("pip ", "python -m pip ", "make ", "git ", "python manage.py runserver", "python manage.py shell")

TRANSCRIPT = """
import doctest, sys
import django
django.setup()
options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
sys.exit(doctest.testfile(sys.argv[1], module_relative=False, optionflags=options).failed > 0)
"""


def follow_page(blocks: Iterable[Block], directory: Path) -> None:
    """Run the commands, write the files, and try the transcripts of a page, in this order.

    A file is named in the first line of its block; settings are added to what `startproject` has made. A transcript
    sees what the ones before have defined.
    """
    transcripts = []
    for block in blocks:
        if block.language == "console":
            for line in block.text.splitlines():
                if line.startswith("$ ") and not line[2:].startswith(LEFT_OUT):
                    _run(_command(line[2:]), directory)
        elif block.language == "pycon":
            transcripts.append(block.text)
        elif block.path:
            path = directory / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.read_text() + block.text if path.name == "settings.py" else block.text)
    if transcripts:
        transcript = directory / "transcript.txt"
        transcript.write_text("\n".join(transcripts))
        _run([sys.executable, "-c", TRANSCRIPT, str(transcript)], directory)


def manage(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project, whatever its exit status."""
    return _started([sys.executable, "manage.py", *shlex.split(line)], directory)


def _command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    programs = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}
    return [*programs[program], *arguments]


def _run(command: list[str], directory: Path) -> None:
    done = _started(command, directory)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


def _started(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "SEQUERE_"))},
        "PYTHONPATH": str(ROOT),
    }
    if (directory / "mysite").exists():
        environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)

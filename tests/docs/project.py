"""A Django project in a directory of its own, made by following a page."""

import doctest
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.docs.pages import ROOT, Block

#: Commands that a reader runs and a test does not, by their beginnings, with the reason.
LEFT_OUT = {
    "pip ": "installed already",
    'python -m pip install "django-sequere[': "installed already",
    "python -m pip install pytest-django": "installed already",
    "git ": "this is a checkout",
    "make ": "a chore of this checkout",
    "bash .ci/": "a chore of this checkout",
    "python manage.py runserver": "never ends",
    "python manage.py shell": "what is typed there is run",
}

#: The checkout from which a page installs Sequere, beside the project, and where it is installed for the page. What it
#: depends on is installed already.
CHECKOUT, INSTALLED = "../sequere", "installed"
INSTALL = f"python -m pip install {CHECKOUT}"
INTO = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", INSTALLED]

#: Commands that run until the page is done.
SERVICES = {"python manage.py run_projections", "celery -A mysite worker --beat --queues sequere,sequere.fanout"}

PROGRAMS = {
    "python": [sys.executable],
    "django-admin": [sys.executable, "-m", "django"],
    "celery": [sys.executable, "-m", "celery"],
}
OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

#: The log of the shell that tries transcripts.
ERRORS = "transcript.err"

#: Tries one transcript after another in the same session, and reports when each is done.
SHELL = """
import doctest, sys
import django
django.setup()
options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
parser, runner, names = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=options), {}
for line in sys.stdin:
    path = line.strip()
    test = parser.get_doctest(open(path).read(), names, path, path, 0)
    test.globs = names
    runner.run(test, clear_globs=False)
    print("DONE", flush=True)
"""


def follow_page(blocks: Iterable[Block], directory: Path) -> None:
    """Run the commands, write the files, and try the transcripts of a page, in this order.

    The first line of a block names its file; settings are appended to those of `startproject`. A transcript sees the
    names of the previous ones, unless there are new models. The output of a command is compared if the page shows it.
    """
    with ExitStack() as stack:
        shell = None
        for block in blocks:
            if not is_run(block):
                continue
            if block.language == "console":
                for command, output in commands(block):
                    if command == INSTALL:
                        _install(directory)
                    elif command in SERVICES:
                        stack.enter_context(_service(_command(command), directory))
                    elif not command.startswith(tuple(LEFT_OUT)):
                        _run(_command(command), directory, output)
            elif block.language == "pycon":
                shell = shell or stack.enter_context(_shell(directory))
                _try(block.text, directory, shell)
            elif block.path:
                path = directory / block.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(path.read_text() + block.text if path.name == "settings.py" else block.text)
                if path.name == "models.py":
                    shell = None
                if path.suffix == ".py":
                    compile(path.read_text(), path, "exec")


def is_run(block: Block) -> bool:
    """Whether `follow_page()` runs or writes a block."""
    if block.reason:
        return False
    if block.language == "console":
        return all(line.startswith(tuple(LEFT_OUT)) or shlex.split(line)[0] in PROGRAMS for line, _ in commands(block))
    return block.language == "pycon" or block.path is not None


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with its output."""
    for part in block.text.removeprefix("$ ").split("\n$ "):
        command, _, output = part.partition("\n")
        yield command, output


def _install(directory: Path) -> None:
    checkout = directory / CHECKOUT
    if not checkout.exists():
        checkout.symlink_to(ROOT)
    _run([*_command(INSTALL), *INTO], directory)


def manage(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project, whatever its exit status."""
    return _started([sys.executable, "manage.py", *shlex.split(line)], directory)


def _command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    return [*PROGRAMS[program], *arguments]


def _run(command: list[str], directory: Path, output: str = "") -> None:
    done = _started(command, directory)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    if output:
        assert doctest.OutputChecker().check_output(output, done.stdout, OUTPUT), f"{output}\n{done.stdout}"


@contextmanager
def _service(command: list[str], directory: Path) -> Iterator[None]:
    log = directory / "service.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=directory, env=_environment(directory), stdout=output, stderr=subprocess.STDOUT
        ) as service,
    ):
        try:
            yield
            assert service.poll() is None, log.read_text()
        finally:
            service.terminate()
        assert service.wait(timeout=60) == 0, log.read_text()


@contextmanager
def _shell(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command, environment = [sys.executable, "-c", SHELL], _environment(directory)
    pipe = subprocess.PIPE
    with (
        (directory / ERRORS).open("w") as errors,
        subprocess.Popen(
            command, cwd=directory, env=environment, stdin=pipe, stdout=pipe, stderr=errors, text=True
        ) as shell,
    ):
        yield shell


def _try(transcript: str, directory: Path, shell: "subprocess.Popen[str]") -> None:
    path = directory / "transcript.txt"
    path.write_text(transcript)
    print(path, file=shell.stdin, flush=True)
    said = []
    for line in shell.stdout or ():
        if line == "DONE\n":
            break
        said.append(line)
    else:
        said.append(f"The shell ended at:\n{transcript}\n{(directory / ERRORS).read_text()}")
    assert not said, "".join(said)


def _started(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, env=_environment(directory), capture_output=True, text=True, check=False
    )


def _environment(directory: Path) -> dict[str, str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "SEQUERE_"))},
        "PYTHONPATH": str(directory / INSTALLED if (directory / INSTALLED).exists() else ROOT),
    }
    if (directory / "mysite").exists():
        environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    return environment

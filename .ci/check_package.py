"""Try the wheel as a project would that installs it: no checkout, nothing but Django beside it."""

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sequere", "sequere_timeline")

# Run by a Python that has only Django and the wheel, from a directory that is not the checkout.
TRIAL = """
import io, pathlib, sys
import sequere, sequere_timeline

for package in (sequere, sequere_timeline):
    assert pathlib.Path(package.__file__).is_relative_to(sys.prefix), package.__file__

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "sequere",
        "sequere.backends.database",
        "sequere_timeline",
        "sequere_timeline.backends.database",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    },
    USE_TZ=True,
)
django.setup()
call_command("check", fail_level="WARNING", stdout=io.StringIO())
call_command("migrate", verbosity=0)
import sequere.testing.contracts, sequere_timeline.testing.contracts
# Without the package redis; the scripts are files.
import sequere.redis.read_model, sequere.backends.redis.scripts, sequere_timeline.backends.redis.scripts
"""


def main(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}

    ours = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in _files(package)}
    missing = ours - in_wheel | ours - in_sdist
    for package in PACKAGES:
        for pattern in ("py.typed", "**/migrations/0001_*.py", "locale/**/*.mo"):
            if not any((ROOT / package).glob(pattern)):
                missing.add(f"{package}/{pattern}")
    missing |= {"LICENSE", "README.md", "docs/conf.py", "tests/settings.py"} - in_sdist
    if missing:
        sys.exit(f"The package lacks: {', '.join(sorted(missing))}")

    foreign = {name.partition("/")[0] for name in in_wheel if not name.partition("/")[0].endswith(".dist-info")}
    if foreign - set(PACKAGES):
        sys.exit(f"The wheel also has: {', '.join(sorted(foreign - set(PACKAGES)))}")

    if broken := _broken_links(wheel):
        sys.exit(f"The page on PyPI has links that lead nowhere: {', '.join(sorted(broken))}")

    with TemporaryDirectory(prefix="sequere-") as directory:
        venv.create(directory, with_pip=True)
        python = Path(directory, "bin", "python")
        install = [python, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        requirements = ROOT / "requirements" / "package.txt"
        subprocess.run([*install, "--require-hashes", "-r", requirements], check=True)
        subprocess.run([*install, "--no-index", "--no-deps", wheel.resolve()], check=True)
        subprocess.run(
            [python, "-m", "pip", "--disable-pip-version-check", "check"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if subprocess.run([python, "-I", "-c", TRIAL], check=False, cwd=directory).returncode:
            sys.exit("The package does not work where only Django is installed beside it.")
    print(f"{wheel.name} works with only Django beside it.")


def _broken_links(wheel: Path) -> set[str]:
    """The links of the page on PyPI that are relative, or that name a file which this repository does not have."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    links = set(re.findall(r"""\]\(([^)\s]+)|(?:src|href)="([^"]+)""", metadata.get_payload()))
    targets = {*urls.values(), *(markdown or html for markdown, html in links)}
    ours = re.compile(re.escape(urls["Source"]) + r"/(?:blob|raw)/[^/]+/([^#]+)")
    files = {target: found[1] for target in targets if (found := ours.match(target))}
    if len(files) < 20:
        sys.exit("The page on PyPI has hardly any links.")
    missing = {target for target, path in files.items() if not (ROOT / path).is_file()}
    return missing | {target for target in targets if not target.startswith(("https://", "#"))}


def _files(package: str) -> list[Path]:
    return [path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts]


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The Lua files of both packages. `python -m tests.redis.lua` checks their syntax, with includes expanded."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sequere.redis.scripts import load

ROOT = Path(__file__).resolve().parent.parent.parent
#: The compiler, as Debian and others call it.
COMPILERS = ("luac5.1", "luac51", "luac")


@dataclass(frozen=True, slots=True)
class LuaFile:
    """A script, or a fragment, whose name begins with "_"."""

    package: str
    name: str

    def __str__(self) -> str:
        return f"{self.package.replace('.', '/')}/lua/{self.name}.lua"

    @property
    def source(self) -> str:
        """The text of the file alone."""
        return (ROOT / str(self)).read_text("utf-8")

    @property
    def text(self) -> str:
        """What is sent to a server."""
        return load(self.package, self.name).text


FILES = [
    LuaFile(".".join(path.parent.parent.relative_to(ROOT).parts), path.stem)
    for package in ("sequere", "sequere_timeline")
    for path in sorted((ROOT / package).rglob("*.lua"))
]
FRAGMENTS = [file for file in FILES if file.name.startswith("_")]
SCRIPTS = [file for file in FILES if file not in FRAGMENTS]


def main() -> None:
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        sys.exit("Please install the compiler of Lua 5.1 (on Debian and Ubuntu: the package lua5.1).")
    wrong = []
    for file in FILES:
        checked = subprocess.run([compiler, "-p", "-"], input=file.text, text=True, capture_output=True, check=False)
        if checked.returncode:
            wrong.append(f"{file}, with its includes: {checked.stderr.strip()}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"The {len(FILES)} Lua files compile.")


if __name__ == "__main__":
    main()

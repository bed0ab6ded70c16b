"""The text of the page on PyPI: the README, whose links to files of this repository would lead nowhere there."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A link or a picture of Markdown, or an attribute of HTML, up to a target that is neither an address nor a heading.
_RELATIVE = re.compile(r"""(\]\(|\b(?:src|href)=")(?![a-z]+:|#)([^)"\s]+)""")
_PICTURES = (".png", ".svg")


class ReadmeHook(MetadataHookInterface):
    """Makes each link absolute: at the tag of the version, or where development is."""

    def update(self, metadata: dict[str, Any]) -> None:
        source, version = metadata["urls"]["Source"], metadata["version"]
        reference = "HEAD" if "dev" in version else f"v{version}"

        def absolute(link: re.Match[str]) -> str:
            before, target = link.groups()
            kind = "raw" if target.endswith(_PICTURES) else "blob"
            return f"{before}{source}/{kind}/{reference}/{target}"

        text = _RELATIVE.sub(absolute, Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}

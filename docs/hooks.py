"""MkDocs hooks: the reference pages, made from the project when the site is built. Nothing of them is checked in."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated pages to those that stand in docs/."""
    sys.path[:0] = [str(HERE), str(HERE.parent)]  # not above: MkDocs takes back what a hook's import adds
    from generator import commands, functions, measurements, relations, settings

    for made in (relations, functions, commands, settings, measurements):
        for path, content in made.pages().items():
            files.append(File.generated(config, path, content=content))
    return files

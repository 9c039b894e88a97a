"""The page's words in one language, all from words.yml."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup, escape

LANGUAGES = {"en": "English", "zh": "中文"}


class Words:
    """Texts by their place in words.yml, e.g. "summary.title"; names of values by kind, e.g. ("segment", "at_risk")."""

    def __init__(self, language: str) -> None:
        self.language = language

    def say(self, place: str, **values: Any) -> str:
        """The text at `place`, plain, with {name} filled in. Raises KeyError when there is none."""
        section, _, name = place.partition(".")
        return str(_texts()[section][name][self.language]).format(**values)

    def prose(self, place: str, **values: Any) -> Markup:
        """The text at `place` as HTML, what is filled in escaped and set apart."""
        section, _, name = place.partition(".")
        figures = {key: Markup("<strong>{}</strong>").format(value) for key, value in values.items()}
        return Markup(escape(_texts()[section][name][self.language])).format(**figures)  # noqa: S704, escaped just before

    def label(self, kind: str, value: Any, fallback: str | None = None) -> str:
        """The word for a value of the warehouse; where there is none, `fallback`, else the value with spaces for underscores."""
        if value is None:
            return ""
        told = _texts()["labels"][kind].get(str(value), {}).get(self.language)
        return told or fallback or str(value).replace("_", " ")


@cache
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))
    return texts

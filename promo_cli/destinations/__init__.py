"""Advertising and mailing tools that take a campaign's people: what each accepts stands in a module of its name."""

from enum import StrEnum


class Destination(StrEnum):
    """Destinations by the name people type, which is also part of the file's name."""

    GOOGLE = "google"
    META = "meta"
    KLAVIYO = "klaviyo"
    BRAZE = "braze"

"""The mapping as files that a person reads and edits: one .sql a table of the contract; source.yml says where the shop is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promo_cli.connectors.near_match import did_you_mean, listed
from promo_cli.errors import DATA_FAULT, PromoError
from promo_cli.mapping.proposal import ROWS
from promo_cli.mapping.source import Source

SOURCE_FILE = "source.yml"
_KINDS = ("files", "duckdb", "warehouse", "postgres")


@dataclass(frozen=True)
class Mapping:
    """A mapping as it stands in its folder: SQL by table of the contract."""

    folder: Path
    source: Source
    timezone: str
    currency: str | None
    sql: dict[str, str]

    def base_of(self, table: str) -> str | None:
        """The shop's table every row of which becomes one of `table`; None where rows of a person or product become one."""
        found = re.search(rf'^{re.escape(ROWS)}"?(.+?)"?\s*$', self.sql[table], re.MULTILINE)
        return found[1] if found else None

    def uses(self, table: str, of_shop: str) -> bool:
        """Whether the SQL of `table` names the shop's table."""
        return re.search(rf'\bsource\."?{re.escape(of_shop)}"?(?![\w"])', self.sql[table], re.IGNORECASE) is not None


def source_text(source: Source, timezone: str, currency: str | None, folder: Path) -> str:
    """source.yml; a path inside or beside the project is told from the mapping's folder, so that the project can be moved."""
    place = source.place
    if source.kind in ("files", "duckdb"):
        place = _relative(Path(source.place), folder)
    told: dict[str, Any] = {"kind": source.kind, "place": place}
    if source.schema:
        told["schema"] = source.schema
    if source.encoding != "utf-8":
        told["encoding"] = source.encoding
    told |= {"timezone": timezone, "currency": currency}
    words = {
        "files": "place: the folder of the shop's files, from this folder.",
        "duckdb": "place: the shop's DuckDB file, from this folder; it is read, never written.",
        "warehouse": "The tables stand in the working database itself.",
        "postgres": "place: the environment variable that holds the postgresql:// URL; the URL itself stands nowhere here.",
    }
    head = f"# Where the shop's tables are; `promo load mapped` reads them by the SQL beside this file.\n# {words[source.kind]}\n"
    return head + yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


def _relative(path: Path, folder: Path) -> str:
    absolute, start = path.resolve(), folder.resolve()
    for up, parent in enumerate([start, *start.parents][:4]):
        if absolute.is_relative_to(parent) and parent != Path(parent.anchor):
            return "/".join([".."] * up + list(absolute.relative_to(parent).parts)) or "."
    return str(absolute)


def read_mapping(folder: Path, known: Iterable[str]) -> Mapping:
    """The mapping in `folder`; `known` are the contract's tables. Raises PromoError naming the file that is at fault."""
    known = list(known)
    if not folder.is_dir():
        raise PromoError(f"there is no mapping {folder}; promo init looks at a shop's tables and writes one")
    sql = {}
    for path in sorted(folder.glob("*.sql")):
        if path.stem not in known:
            raise PromoError(
                f"{path}: no table of the contract is called {path.stem}{did_you_mean(path.stem, known)}; rename or move it"
            )
        text = path.read_text(encoding="utf-8").strip().rstrip(";")
        if not re.search(r"\bselect\b", text, re.IGNORECASE):
            raise PromoError(f"{path} holds no select; write one, or delete the file: the shop then has no {path.stem}")
        sql[path.stem] = text
    if not sql:
        raise PromoError(
            f"{folder} holds no .sql file; expected one for a table of the contract, e.g. order_lines.sql ({listed(known)})"
        )
    file = folder / SOURCE_FILE
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
        kind, place = told["kind"], str(told["place"])
        if kind not in _KINDS:
            raise PromoError(f"{file}: kind is {kind}; write {', '.join(_KINDS)}", DATA_FAULT)
        if kind in ("files", "duckdb") and not Path(place).is_absolute():
            place = str((folder / place).resolve())
        source = Source(kind, place, told.get("schema"), told.get("encoding") or "utf-8")
        currency = told.get("currency")
        return Mapping(
            folder, source, str(told.get("timezone") or "UTC"), currency and str(currency), {t: sql[t] for t in known if t in sql}
        )
    except FileNotFoundError:
        raise PromoError(
            f"{file} is missing; write kind: files, place: the folder of the shop's files, timezone: and currency:"
        ) from None
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise PromoError(
            f"{file} can't be read ({' '.join(str(error).split())[:120]}); it has kind, place, timezone, currency"
        ) from error

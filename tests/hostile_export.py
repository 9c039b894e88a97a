"""Hostile audiences and folders: every export is whole, safe to open, and touches its own folder alone."""

import csv
import io
import json
import shutil
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
from hostile_shop import one_in
from hostile_values import texts
from hypothesis import strategies as st
from sandbox import footprint, plain_file_name, told

from promo_cli.campaign_formats import FileFormat
from promo_cli.destination_export import export_to
from promo_cli.destinations import Destination
from promo_cli.export import export_campaign
from promo_cli.private_files import file_stem

FORMULA = tuple("=+-@\t\r\n")
FOLDERS = ("new", "new", "new", "nested/new", "link", "file", "linked target", "folder as target")


@dataclass(frozen=True)
class Audience:
    """A campaign of people with an offer, and where its file goes."""

    campaign: str
    people: tuple[tuple[str, str, str, str], ...]
    """user_id, name of the offer, e-mail address, telephone number."""
    kind: FileFormat | Destination
    folder: str


people = st.tuples(texts, texts, st.one_of(texts, st.just("u@example.org")), st.one_of(texts, st.just("+4915112345678")))


@st.composite
def audiences(draw: Any) -> Audience:
    """People with hostile ids, in a campaign with a hostile name, to a hostile folder."""
    found = draw(st.lists(people, min_size=1, max_size=4, unique_by=lambda person: person[0]))
    if one_in(draw, 40):
        found[0] = ("u" * 1_000_000, *found[0][1:])
    kind = draw(st.sampled_from([*FileFormat, *FileFormat, *Destination]))
    return Audience(draw(texts), tuple(found), kind, draw(st.sampled_from(FOLDERS)))


class ExportTrial:
    """Exports one audience after another from a database of its own; `built` is a template of it."""

    def __init__(self, built: Path, folder: Path) -> None:
        self._database = Path(shutil.copy(built, folder / "exporting.duckdb"))

    def __call__(self, audience: Audience, sandbox: Path) -> str:
        """`done` or `refused (code)`; AssertionError where a promise breaks."""
        self._fill(audience)
        output = self._folder(audience, sandbox)
        outermost = sandbox / output.relative_to(sandbox).parts[0]
        before = footprint(sandbox, apart_from=outermost)
        content = self._database.read_bytes()
        try:
            if isinstance(audience.kind, FileFormat):
                paths = [export_campaign(self._database, audience.campaign, audience.kind, output).path]
                self._check_file(audience, paths[0])
            else:
                paths = list(export_to(self._database, audience.campaign, audience.kind, output).paths)
                self._check_csv([path.read_bytes().decode() for path in paths], but="+")
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            outcome = told(error)
        else:
            outcome = "done"
            assert len(list(output.iterdir())) == len(paths) + 1, "more than the files and their manifest"
            for path in output.iterdir():
                assert plain_file_name(path.name), path.name
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, "a file that others may read"
        assert footprint(sandbox, apart_from=outermost) == before, "touched what is outside of its folder"
        assert self._database.read_bytes() == content, "an export changed the database"
        return outcome

    def _fill(self, audience: Audience) -> None:
        with duckdb.connect(str(self._database)) as connection:
            for table in ("promotions.campaign_audience", "features.user_permissions", "staging.stg_users"):
                connection.execute(f"delete from {table}")
            for user_id, offer, email, phone in audience.people:
                connection.execute(
                    "insert into promotions.campaign_audience values ('2024-03-05', ?, ?, ?, 'new', 'low_value', null, 1, "
                    "'a1', ?, ?, '2024-03-05 05:00:00', '2024-03-19 05:00:00', 1)",
                    [audience.campaign, offer, user_id, offer, offer],
                )
                connection.execute("insert into features.user_permissions values ('2024-03-05', ?, false, true)", [user_id])
                connection.execute(
                    "insert into staging.stg_users (user_id, email, phone, country) values (?, ?, ?, 'DE')",
                    [user_id, email, phone],
                )

    @staticmethod
    def _folder(audience: Audience, sandbox: Path) -> Path:
        """The output folder as the case wants it, beside a file that nobody may touch."""
        (sandbox / "elsewhere").mkdir()
        (sandbox / "elsewhere" / "kept").write_text("kept")
        output = sandbox / ("nested/new" if audience.folder == "nested/new" else "output")
        if audience.folder == "link":
            output.symlink_to(sandbox / "elsewhere")
        elif audience.folder == "file":
            output.write_text("kept")
        elif audience.folder in ("linked target", "folder as target"):
            output.mkdir()
            name = f"{file_stem(audience.campaign, date(2024, 3, 5))}.{audience.kind}"
            if isinstance(audience.kind, Destination):
                name += ".csv"
            if audience.folder == "linked target":
                (output / name).symlink_to(sandbox / "elsewhere" / "kept")
            else:
                (output / name).mkdir()
        return output

    def _check_file(self, audience: Audience, path: Path) -> None:
        """Every person of the campaign is in the file, as who they are."""
        ids = sorted(user_id for user_id, *_ in audience.people)
        if audience.kind is FileFormat.JSONL:
            found = [json.loads(line)["user_id"] for line in path.read_bytes().decode().split("\n")[:-1]]
        elif audience.kind is FileFormat.PARQUET:
            found = pyarrow.parquet.read_table(path).column("user_id").to_pylist()
        else:
            rows = self._check_csv([path.read_bytes().decode()])
            found = [row["user_id"] for row in rows]
            ids = sorted(f"'{user_id}" if user_id.startswith(FORMULA) else user_id for user_id in ids)
        assert sorted(found) == ids, f"lost or changed: {found} for {ids}"

    @staticmethod
    def _check_csv(contents: list[str], but: str = "") -> list[dict[str, str]]:
        """Rows of CSV files, no cell of which a spreadsheet would run; a telephone number keeps its plus."""
        rows = []
        csv.field_size_limit(10_000_000)
        for content in contents:
            for row in csv.DictReader(io.StringIO(content, newline=""), strict=True):
                for name, cell in row.items():
                    is_number = but and cell.startswith(but) and cell[1:].isdigit()
                    assert is_number or not cell.startswith(FORMULA), f"{name} would run: {cell[:50]!r}"
                rows.append(row)
        return rows

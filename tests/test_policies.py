"""A broken policy file is one line that names file, line and column, before anything is built."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from promo_cli.errors import PromoError
from promo_cli.paths import dbt_project_path
from promo_cli.policies import check_policies

HEADER = "name,value,unit,description\n"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(dbt_project_path() / "seeds", tmp_path / "seeds"))


def test_the_shipped_policies_are_whole() -> None:
    check_policies()


def test_what_comes_again_every_year_is_bound_by_the_month_and_not_for_life() -> None:
    with (dbt_project_path() / "seeds" / "promotion_catalogue.csv").open() as file:
        yearly = [row for row in csv.DictReader(file) if row["festival"] or row["birthday_days"]]
    assert {row["kind"] for row in yearly} == {"festival", "birthday"}
    assert {(row["per_user_limit"], row["per_user_month_limit"]) for row in yearly} == {("", "1")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEADER + "holdout_percent,five,percent,x\n", "line 2: value is 'aaaa'; write a number such as 1234.5"),
        (HEADER + 'a,1,u,x\nb,"1,5",u,x\n', "line 3: value is '9,9'; write a number"),
        (HEADER + "a,=1+1,u,x\n", "line 2: value is '=9+9'; write a number"),
        (HEADER + "a,NaN,u,x\n", "line 2: value is 'aaa'; write a number"),
        (HEADER + "a,1,u\n", "line 2: 3 cells for 4 columns; check its commas and quotes"),
        (HEADER + "a,1,u,x,y\n", "line 2: 5 cells for 4 columns"),
        (HEADER + 'a,1,u,"open\n', "line 2: its quotes can't be read"),
        (HEADER + 'a,1,u,"x"y\n', "line 2: its quotes can't be read"),
        (HEADER + "a,1,u,\0\n", "line 2: a NUL character; take it out"),
        ("name,value,unit\na,1,u\n", "line 1: the columns are name, value, unit; they must be name, value, unit, description"),
        ("", "line 1: the columns are none; they must be name"),
    ],
)
def test_a_broken_policy_is_told_with_its_line(seeds: Path, text: str, told: str) -> None:
    (seeds / "policy_values.csv").write_text(text)
    with pytest.raises(PromoError) as refused:
        check_policies(seeds)
    assert f"policy_values.csv, {told}" in refused.value.message
    assert refused.value.exit_code == 1


def test_other_encodings_are_told(seeds: Path) -> None:
    (seeds / "policy_values.csv").write_bytes(HEADER.encode() + b"a,1,u,\xe9\n")
    with pytest.raises(PromoError, match=r"policy_values\.csv is not UTF-8 text"):
        check_policies(seeds)


def test_a_build_looks_at_policies_and_limits_first(
    promo: Callable[..., tuple[int, str, str]], shop_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "w.duckdb"
    database.touch()
    monkeypatch.setenv("OFFERHOUSE_MEMORY", "plenty")
    code, _, error = promo("build", "--database", database, "--quiet")
    assert (code, error) == (3, "promo: OFFERHOUSE_MEMORY=plenty is no size; write e.g. OFFERHOUSE_MEMORY=3GB\n")

"""Risk flags on a shop with planted abuse: who is caught, who is let alone, on what evidence, and who has the last word."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from risk_shop import ABUSIVE, write_risk_shop

from promo_cli.connectors import files
from promo_cli.dbt_runner import run_dbt
from promo_cli.errors import PromoError
from promo_cli.warehouse import open_warehouse

Rows = list[tuple[object, ...]]
Query = Callable[[str], Rows]


def judged(folder: Path, database: Path) -> Path:
    """The shop in `folder`, loaded and judged."""
    with open_warehouse(database) as connection:
        files.load(connection, files.find_shop_files(folder, "utf-8"), "UTC", "EUR", None)
    run_dbt(["build", "--select", "+risk_flags", "--exclude-resource-type", "test", "unit_test"], database)
    return database


@pytest.fixture(scope="module")
def kinds_and_database(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    folder = tmp_path_factory.mktemp("risk")
    kinds = write_risk_shop(folder / "shop", hundreds=6, seed=1)
    return kinds, judged(folder / "shop", folder / "offerhouse.duckdb")


@pytest.fixture(scope="module")
def kinds(kinds_and_database: tuple[dict[str, str], Path]) -> dict[str, str]:
    return kinds_and_database[0]


@pytest.fixture(scope="module")
def database(kinds_and_database: tuple[dict[str, str], Path]) -> Path:
    return kinds_and_database[1]


@pytest.fixture
def query(database: Path) -> Query:
    def run(sql: str) -> Rows:
        with duckdb.connect(str(database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return run


def test_planted_abuse_is_caught_and_honest_people_are_not(query: Query, kinds: dict[str, str]) -> None:
    flagged = [kinds[str(user)] for (user,) in query("select user_id from scores.risk_scores where is_flagged")]
    there = list(kinds.values())
    for kind in ("ring by device", "ring by address", "chained ring", "farm"):
        assert flagged.count(kind) == there.count(kind) > 0, kind
    for kind in ("single", "coupon lover", "dormitory", "office", "sends much back"):
        assert flagged.count(kind) == 0, kind
    assert flagged.count("family") <= 0.01 * there.count("family")
    caught = sum(flagged.count(kind) for kind in ABUSIVE)
    assert caught >= 0.7 * sum(there.count(kind) for kind in ABUSIVE)


def test_sharing_an_address_alone_is_no_offence(query: Query) -> None:
    found = query("""
        select count(*), count(*) filter (where scores.is_flagged)
        from features.user_risk_signals as signals
        inner join scores.risk_scores as scores using (as_of_date, user_id)
        where signals.address_accounts between 1 and 3 and signals.same_coupon_days = 0 and signals.returned_lines < 8
    """)
    ((sharing, flagged),) = found
    assert int(str(sharing)) > 100
    assert flagged == 0


def test_every_flag_has_evidence_that_names_values_and_accounts(query: Query) -> None:
    without = query("""
        select user_id from scores.risk_scores as scores
        where is_flagged and not exists (select 1 from audits.risk_flags as flags where flags.user_id = scores.user_id)
    """)
    assert without == []
    for user, rule, evidence in query("select user_id, rule, evidence from audits.risk_flags where rule = 'RING_DEVICE'"):
        told = json.loads(str(evidence))
        assert user in told["ring_users"], rule
        assert 5 <= len(told["ring_users"]) <= 20
        assert [condition.split(" ")[0] for condition in told["conditions"]] == [
            "device_accounts", "linked_accounts", "same_coupon_accounts",
        ]  # fmt: skip


def test_a_verdict_by_hand_stands_above_the_rules(database: Path, query: Query) -> None:
    def state(user: object) -> Rows:
        return query(f"select is_flagged, sentence from scores.risk_scores where user_id = '{user}'")

    ((flagged,),) = query("select min(user_id) from scores.risk_scores where is_flagged")
    ((honest,),) = query("select min(user_id) from scores.risk_scores where points = 0")
    ((version,),) = query("select distinct model_version from scores.risk_scores")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "insert into policies.risk_overrides values ($flagged, 'clear', 'a club'), ($honest, 'flag', 'sold coupons')",
            {"flagged": flagged, "honest": honest},
        )
        connection.execute("update policies.risk_rules set points = 0.1 where rule = 'SHARED_ADDRESS'")
    run_dbt(["run", "--select", "risk_rule_hits risk_scores risk_flags"], database)
    assert state(flagged) == [(False, "Decided by hand: a club")]
    assert state(honest) == [(True, "Decided by hand: sold coupons")]
    # Other rules are another version of the model.
    assert query("select distinct model_version from scores.risk_scores") != [(version,)]


def test_a_rule_on_a_signal_that_is_none_fails_by_name(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("insert into policies.risk_conditions values ('RETURNS', 'shoe_size', 44)")
    with pytest.raises(PromoError, match="risk_conditions_signal"):
        run_dbt(["test", "--select", "risk_conditions"], database)


@pytest.mark.slow
def test_a_shop_without_addresses_coupons_and_returns_flags_nobody(shop_folder: Path, tmp_path: Path) -> None:
    database = judged(shop_folder, tmp_path / "offerhouse.duckdb")
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select count(*) from features.linked_accounts").fetchall() == [(0,)]
        found = connection.execute("select user_id, is_flagged, anomaly, sentence from scores.risk_scores order by user_id")
        assert found.fetchall() == [("U1", False, 0.0, "No sign of abuse."), ("U2", False, 0.0, "No sign of abuse.")]

"""`promo plan`: what people read of promotions.campaigns_planned."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

Promo = Callable[..., tuple[int, str, str]]

BUILT = """
create schema staging; create schema features; create schema policies; create schema promotions;
-- what tells a reader that the database is built
create table promotions.campaign_audience (user_id varchar);
create table features.user_permissions (user_id varchar);
create table staging.stg_consents (user_id varchar, purpose varchar, changed_at timestamp, granted boolean);
create schema private;
create table private.people (shop_user_id varchar, user_id varchar);
create table staging.base_consents (user_id varchar, purpose varchar, changed_at timestamp, granted boolean);

create table policies.policy_values as select 'min_audience_size' as name, 20.0 as value;
create table policies.reject_codes as
    from (values ('NO_CONSENT', 'Has not agreed.'), ('RISK_FLAG', 'Looks odd.')) as codes (code, sentence);
create table staging.stg_campaigns as
    from (values ('autumn', timestamp '2023-10-01', timestamp '2023-10-08')) as campaigns (campaign_id, starts_at, ends_at);
create table promotions.promotion_terms as
    from (values ('thanks', timestamp '2024-03-01', timestamp '2024-03-08'), (null, null, null))
        as terms (campaign_id, valid_from, valid_to);

create table promotions.campaigns_planned (
    as_of_date date, campaign_id varchar, campaign_name varchar, campaign_kind varchar, status varchar, starts_at timestamp,
    ends_at timestamp, promotions integer, promotion_ids varchar, audience_size integer, universal_holdout_size integer,
    campaign_holdout_size integer, expected_offers integer, expected_redemptions decimal(18, 2), expected_cost decimal(18, 2),
    expected_margin decimal(18, 2), expected_incremental_margin decimal(18, 2), measured_share double,
    expected_reservation decimal(18, 2), budget decimal(18, 2), budget_spent decimal(18, 2), budget_reserved decimal(18, 2),
    budget_left decimal(18, 2), offers_open integer, offers_today integer, refusal_1 varchar, refusal_1_users integer,
    refusal_2 varchar, refusal_2_users integer, refusal_3 varchar, refusal_3_users integer
);
insert into promotions.campaigns_planned values
    ('2024-03-01', 'festival', 'Festival', 'catalogue', 'planned', '2024-03-05', '2024-03-06', 1, 'F',
        null, 0, null, null, null, null, null, null, null, null, 500, 0, null, null, null, null,
        null, null, null, null, null, null),
    ('2024-03-01', 'thanks', 'Weekly thanks', 'mail', 'running', '2024-03-01', '2024-03-08', 2, 'P|Q',
        1234, 61, 58, 1100, 310.5, 930.25, 2000, -12.5, 0.4, 3300, null, null, 99, null, 1050, 1040,
        'NO_CONSENT', 400, 'RISK_FLAG', 21, null, null);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(BUILT)
    return path


def test_a_campaign_is_told_in_full(promo: Promo, database: Path) -> None:
    code, out, err = promo("plan", "--quiet", "thanks", "--database", database)
    assert (code, err) == (0, "")
    assert out == (
        "Weekly thanks (thanks), running, 2024-03-01 00:00 to 2024-03-08 00:00 UTC, seen on 2024-03-01\n"
        "promotions          2: P, Q\n"
        "audience            1,234\n"
        "control groups      61 universal, 58 of the campaign\n"
        "expected offers     1,100\n"
        "expected uses       310.50\n"
        "expected cost       930.25\n"
        "expected margin     2,000.00\n"
        "incremental margin  -12.50 (40 % of the offers by their scored effect, the others by assumed_incremental_share)\n"
        "to be reserved      3,300.00\n"
        "budget              no bound\n"
        "offered today       1,040 (1,050 open)\n"
        "left out            400 NO_CONSENT: Has not agreed.\n"
        "                    21 RISK_FLAG: Looks odd.\n"
    )


def test_what_so_few_people_tell_is_not_shown(promo: Promo, database: Path) -> None:
    code, out, _ = promo("plan", "--quiet", "festival", "--database", database)
    assert code == 0
    told = dict(line.split("  ", 1) for line in out.splitlines()[1:])
    assert {name: value.strip() for name, value in told.items()} == {
        "promotions": "1: F",
        "audience": "fewer than 20",
        "control groups": "0 universal, fewer than 20 of the campaign",
        "expected offers": "not shown",
        "expected uses": "not shown",
        "expected cost": "not shown",
        "expected margin": "not shown",
        "incremental margin": "not shown",
        "to be reserved": "not shown",
        "budget": "500.00: 0.00 spent, not shown reserved, not shown left",
        "offered today": "not shown (not shown open)",
    }


def test_all_campaigns_are_listed_those_that_run_first(promo: Promo, database: Path) -> None:
    code, out, err = promo("plan", "--quiet", "--database", database)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[1] == ["thanks", "to", "2024-03-08", "1,234", "1,100", "310", "930", "-12", "no", "bound"]
    assert lines[2][:5] == ["festival", "from", "2024-03-05", "<", "20"]
    assert out.endswith("- is not shown: it is about fewer than 20 people\n")
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from promotions.campaigns_planned")
    code, out, _ = promo("plan", "--quiet", "--database", database)
    assert (code, out.startswith("no campaign runs or begins soon")) == (0, True)
    assert json.loads(promo("plan", "--quiet", "--json", "--database", database)[1]) == []


def test_json_is_the_row(promo: Promo, database: Path) -> None:
    code, out, err = promo("plan", "--quiet", "thanks", "--json", "--database", database)
    assert (code, err) == (0, "")
    row = json.loads(out)
    assert (row["as_of_date"], row["starts_at"]) == ("2024-03-01", "2024-03-01T00:00:00")
    assert (row["audience_size"], row["expected_cost"], row["budget"]) == (1234, 930.25, None)
    assert (row["refusal_1"], row["refusal_1_sentence"]) == ("NO_CONSENT", "Has not agreed.")
    listed = json.loads(promo("plan", "--quiet", "--json", "--database", database)[1])
    assert [found["campaign_id"] for found in listed] == ["thanks", "festival"]
    assert listed[0] == row


@pytest.mark.parametrize(
    ("campaign", "words"),
    [
        ("Thank", "campaign Thank is not known (did you mean thanks?); planned are: thanks, festival"),
        ("\x1b[2J", "campaign \N{REPLACEMENT CHARACTER}[2J is not known; planned are: thanks, festival"),
        (
            "autumn",
            "campaign autumn is not planned: it is over, or begins later than campaign_horizon_days says (2023-10-01 00:00 ",
        ),
    ],
)
def test_a_campaign_that_is_not_planned_is_one_line(promo: Promo, database: Path, campaign: str, words: str) -> None:
    code, out, err = promo("plan", "--quiet", campaign, "--database", database)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"promo: {words}")


def test_no_database_and_none_that_is_built_are_one_line(promo: Promo, tmp_path: Path, database: Path) -> None:
    code, _, err = promo("plan", "--quiet", "--database", tmp_path / "nowhere.duckdb")
    assert (code, err.count("\n")) == (1, 1)
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop table promotions.campaigns_planned")
    code, _, err = promo("plan", "--quiet", "--database", database)
    assert (code, err.count("\n")) == (1, 1)
    assert "run promo build" in err

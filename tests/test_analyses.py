"""Analysts' questions (dbt_project/analyses) run on the published database with nothing but DuckDB, and find what there is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml
from published_sql import published_sql
from rendered_sql import PROJECT

from promo_cli.paths import published_path

FILES = {path.stem: path for path in sorted((PROJECT / "analyses").glob("*.sql"))}

COLUMNS = {
    "at_risk_and_worth_saving": "user_id life_cycle value_tier recency_days churn_risk churn_risk_56d recency_weighted_spend "
    "spend_at_risk open_offers",
    "budgets_worth_raising": "resource resource_id promotions capacity share_taken refusals shadow_price",
    "calibration_by_decile": "model_name decile row_count mean_score observed_rate off_by is_off",
    "campaigns_reach_cost_and_margin": "campaign_id campaign_name status starts_on ends_on audience_size expected_offers "
    "expected_redemptions expected_cost expected_margin expected_incremental_margin measured_share budget_left "
    "commonest_refusal margin_for_each_unit_of_cost share_of_budget_left",
    "fairness_not_kept": "verdict decision measure attribute group_name users value reference_group reference_value comparison "
    "compared_value compared_low compared_high least most",
    "guardrails_that_bite": "guardrail prices share_of_prices products mean_move_of_list_price mean_discount_by_formula "
    "mean_discount_given",
    "inputs_that_drift": "model_name input psi threshold rows_now missing_then missing_now drifting_inputs_of_model",
    "offers_by_segment": "life_cycle value_tier users share_with_offer offers reserved_budget expected_redemptions "
    "expected_margin expected_margin_each",
    "points_about_to_expire": "user_id tier life_cycle recency_days points_balance points_value points_expiring_30d "
    "next_expiry_on",
    "price_ladder_of_a_category": "category product_id product_name list_price non_personal_price highest_personal_price "
    "median_personal_price lowest_personal_price price_floor prior_price announced_discount_percent users",
    "promotions_that_may_not_pay": "promotion_id promotion_name kind offers reserved_budget expected_margin measured_share "
    "incremental_margin_where_measured offers_below_zero",
    "refusal_funnel_of_a_promotion": "promotion_id stage users lost_here share_left",
    "rejected_rows_by_reason": "table_name reason rows_rejected share_of_table an_example",
    "segments_that_moved": "from_as_of_date to_as_of_date dimension segment came went net",
    "treated_against_holdout": "campaign_id outcome treated_users held_out_users treated held_out difference difference_low "
    "difference_high total total_low total_high finding",
    "what_one_rule_keeps_out": "code rule promotions users pairs expected_margin mean_cost",
    "why_was_a_user_refused": "user_id source promotion_name promotion_id rules_that_refuse refusal_rank code rule "
    "what_would_change brought_by unit standing has_to_be lacks changes_on",
}

# What the small shop has none of: another day on record, a control group, faults, points about to expire.
PLANTED = """
    insert into promotions.segment_history
    select as_of_date - 7, user_id, case when rank <= 30 then 'new' else life_cycle end, value_tier, intent, cluster_name
    from (select *, row_number() over (order by user_id) as rank from promotions.segment_history);
    insert into staging.checked_campaign_sends
    select 'C1', user_id, timestamp '2025-05-01', false, date '2025-05-01', null, [], null
    from staging.stg_users where user_id not in (select user_id from staging.stg_campaign_sends);
    insert into staging.checked_returns
    select order_id, line_number, timestamp '2025-06-01', quantity, null, date '2025-06-01', null, [], null
    from staging.stg_order_lines where ordered_on = date '2025-05-10';
    insert into audits.rejected_rows values ('users', 'u1', 'BAD_TYPE', ['BAD_TYPE', 'NO_KEY'], '{}');
    update audits.fairness set verdict = 'violated', compared_value = 2, most = 1.25
    where verdict = 'fair' and (decision, measure, attribute, group_name) = (
        select (decision, measure, attribute, group_name) from audits.fairness where verdict = 'fair' order by all limit 1);
    update promotions.loyalty_status set points_expiring_30d = 12.5, next_expiry_on = as_of_date + 3
    where user_id = (select min(user_id) from promotions.loyalty_status);
"""


@pytest.fixture(scope="module")
def published(small_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the small shop's published database with PLANTED in it, in a client that has nothing else."""
    copy = shutil.copy(published_path(small_warehouse), tmp_path_factory.mktemp("analyses"))
    with duckdb.connect(str(copy)) as connection:
        connection.execute(PLANTED)
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, analysis: str) -> list[dict[str, object]]:
    found = connection.execute(published_sql(FILES[analysis]))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_every_analysis_is_told_and_tested() -> None:
    told = yaml.safe_load((PROJECT / "analyses/analyses.yml").read_text())["analyses"]
    assert [entry["name"] for entry in told] == list(FILES) == list(COLUMNS)
    for entry in told:
        text = FILES[entry["name"]].read_text()
        question = " ".join(line.removeprefix("-- ") for line in text.partition("with ")[0].splitlines())
        assert "?" in question, f"{entry['name']}: its first lines say what it asks"
        assert "\norder by " in text, f"{entry['name']}: equal runs give equal answers"


@pytest.mark.parametrize("analysis", FILES)
def test_analysis_answers(published: duckdb.DuckDBPyConnection, analysis: str) -> None:
    answer = rows(published, analysis)
    assert answer
    assert list(answer[0]) == COLUMNS[analysis].split()
    empty = {name for name in answer[0] if all(row[name] is None for row in answer)}
    assert empty <= {"refusals"}, "no budget of the small shop refuses anybody; all else has a value somewhere"


def test_the_funnel_loses_every_user_once(published: duckdb.DuckDBPyConnection) -> None:
    funnel = rows(published, "refusal_funnel_of_a_promotion")
    promotion = funnel[0]["promotion_id"]
    users = {row["stage"]: row["users"] for row in funnel}
    assert users["considered"] == 80
    eligible = "select count(*) filter (where is_eligible) from promotions.coupon_eligibility where promotion_id = $1"
    offered = "select count(*) from promotions.offers where promotion_id = $1"
    assert published.execute(eligible, [promotion]).fetchall() == [(users["worth it: eligible"],)]
    assert published.execute(offered, [promotion]).fetchall() == [(users["offered"],)]
    assert sum(row["lost_here"] for row in funnel) == 80 - users["offered"]  # type: ignore[operator]


def test_every_rule_has_its_stage_in_the_funnel(published: duckdb.DuckDBPyConnection) -> None:
    text = FILES["refusal_funnel_of_a_promotion"].read_text()
    for (code,) in published.execute("select code from policies.reject_codes").fetchall():
        assert text.count(f"'{code}'") == 1, f"{code} belongs to one stage of the funnel"


def test_moves_are_balanced(published: duckdb.DuckDBPyConnection) -> None:
    moved = [row for row in rows(published, "segments_that_moved") if row["dimension"] == "life_cycle"]
    found = {(row["segment"], row["came"], row["went"], row["net"]) for row in moved}
    assert found == {("new", 0, 30, -30), ("active", 30, 0, 30)}


def test_a_row_that_breaks_two_rules_counts_under_both(published: duckdb.DuckDBPyConnection) -> None:
    rejected = rows(published, "rejected_rows_by_reason")
    assert [(row["reason"], row["rows_rejected"], row["share_of_table"]) for row in rejected] == [
        ("BAD_TYPE", 1, 0.0125),
        ("NO_KEY", 1, 0.0125),
    ]


def test_treated_and_held_out_are_compared_by_what_they_bought_and_had_bought(published: duckdb.DuckDBPyConnection) -> None:
    answer = {row["outcome"]: row for row in rows(published, "treated_against_holdout")}
    assert list(answer) == ["buyers", "margin", "revenue"]
    campaign = answer["revenue"]
    spent = published.execute("""
        select
            treated,
            coalesce(sum(paid_price * quantity) filter (where ordered_at >= sent_at), 0)::double as after,
            coalesce(sum(paid_price * quantity) filter (where ordered_at < sent_at), 0)::double as before
        from staging.stg_campaign_sends as sends
        left join staging.stg_order_lines as lines
            on sends.user_id = lines.user_id
            and abs(epoch(ordered_at) - epoch(sent_at) + 0.5) < 28 * 86400
            and ordered_on <> date '2025-05-10'
        group by sends.user_id, treated
    """).fetchnumpy()
    got, held = (np.array([spent["after"], spent["before"]])[:, spent["treated"] == treated] for treated in (True, False))
    assert (campaign["treated_users"], campaign["held_out_users"]) == (got.shape[1], held.shape[1]) == (40, 40)
    assert campaign["held_out"] == pytest.approx(held[0].mean(), abs=1e-4)
    within = np.cov(got) + np.cov(held)  # groups of one size: the mean but for a factor
    left = [group[0] - within[0, 1] / within[1, 1] * group[1] for group in (got, held)]
    assert campaign["difference"] == pytest.approx(left[0].mean() - left[1].mean(), abs=1e-3)
    error = 1.96 * np.sqrt(sum(group.var(ddof=1) / group.size for group in left))
    assert campaign["difference_high"] == pytest.approx(campaign["difference"] + error, abs=1e-3)
    assert campaign["total_low"] == pytest.approx(40 * (left[0].mean() - left[1].mean() - error), abs=0.01)


def test_all_promotions_are_compared_with_the_control_group_that_gets_none(small_warehouse: Path, tmp_path: Path) -> None:
    copy = shutil.copy(published_path(small_warehouse), tmp_path)
    with duckdb.connect(str(copy)) as connection:
        assert "all promotions" not in {row["campaign_id"] for row in rows(connection, "treated_against_holdout")}  # just begun
        connection.execute("""
            insert into promotions.offers
            select * replace ('of old' as offer_id, as_of_date - 60 as as_of_date)
            from promotions.offers order by offer_id limit 1;
            update features.user_permissions set is_holdout = user_id in
                (select user_id from features.user_permissions order by user_id limit 30);
            update staging.stg_users set signed_up_at = null;
            update staging.stg_users set signed_up_at = current_date where user_id = (select max(user_id) from staging.stg_users)
        """)
        answers = {(row["campaign_id"], row["outcome"]): row for row in rows(connection, "treated_against_holdout")}
        answer = answers["all promotions", "revenue"]
        held_out, treated = connection.execute("""
            select avg(spent) filter (is_holdout), avg(spent) filter (not is_holdout) from (
                select is_holdout, coalesce(sum(paid_price * quantity), 0)::double as spent
                from features.user_permissions as users
                left join staging.stg_order_lines as lines on users.user_id = lines.user_id and ordered_at >= as_of_date - 28
                where users.user_id <> (select max(user_id) from staging.stg_users)
                group by users.user_id, is_holdout)
        """).fetchone() or (None, None)
    assert (answer["treated_users"], answer["held_out_users"]) == (49, 30)  # of 80: one came later
    assert answer["treated"] == pytest.approx(treated, abs=1e-4)
    assert answer["held_out"] == pytest.approx(held_out, abs=1e-4)
    assert answer["difference_low"] < answer["difference"] < answer["difference_high"]  # type: ignore[operator]

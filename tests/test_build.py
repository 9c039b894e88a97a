"""The whole way on small shops: load, dbt build, views in a plain client, point in time."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml
from parsed_project import PARSED
from published_faults import unpublished_models
from rendered_sql import PROJECT, read_contract
from small_shop import SECRET

from promo_cli.audit import read_audits
from promo_cli.dbt_runner import run_dbt
from promo_cli.errors import BUILD_FAULT, PromoError
from promo_cli.explanation import explain_user
from promo_cli.export import export_campaign
from promo_cli.paths import published_path
from promo_cli.provenance import model_versions, policy_version
from promo_cli.publish import publication_record
from promo_cli.status import look
from promo_cli.trace import find_trace
from promo_cli.warehouse_reader import open_read_only, relations
from udfs.secret import pseudonym


@pytest.fixture(scope="module")
def built(small_warehouse: Path, pseudonyms: None) -> Path:
    return small_warehouse


def key(number: int) -> str:
    """The warehouse's key of the small shop's user of that number."""
    return pseudonym(SECRET.encode(), f"u{number}")


@pytest.fixture
def plain(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A client with no Python functions."""
    with duckdb.connect(str(built), read_only=True) as connection:
        yield connection


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> object:
    return connection.execute(sql).fetchall()[0][0]


def test_every_promotion_and_audit_relation_opens_in_a_plain_client(plain: duckdb.DuckDBPyConnection) -> None:
    relations = plain.execute(
        "select table_schema, table_name from information_schema.tables where table_schema in ('promotions', 'audits')"
    ).fetchall()
    assert len(relations) >= 11
    for schema, name in relations:
        assert one(plain, f"select count(*) from {schema}.{name}") is not None


def test_rows_in_are_rows_accepted_and_rejected(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from audits.row_accounting") == len(read_contract())
    lost = "select count(*) from audits.row_accounting where rows_in <> rows_accepted + rows_rejected + rows_left_out"
    assert one(plain, lost) == 0
    assert one(plain, "select rows_accepted from audits.row_accounting where table_name = 'users'") == 80


def test_every_user_is_in_one_segment_of_each_dimension(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from promotions.user_segments") == 80
    assert (
        one(
            plain,
            "select count(*) from promotions.user_segments where life_cycle is null or value_tier is null or intent is null",
        )
        == 0
    )
    assert one(plain, "select count(*) from promotions.user_segments where recency_quintile between 1 and 5") == 80
    clustered = "select count(*) from promotions.user_segments where cluster is not null"
    assert one(plain, clustered) == one(plain, "select count(*) from promotions.user_clusters") > 0


def test_who_refused_personalisation_has_no_profile_and_pays_the_market_price(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, f"select count(*) from scores.interest_scores where user_id = '{key(2)}'") == 0
    assert one(plain, f"select count(*) from scores.purchase_intent_scores where user_id = '{key(2)}'") == 0
    assert one(plain, f"select count(*) from promotions.dynamic_prices where user_id = '{key(2)}'") > 0
    assert one(plain, f"select count(*) from promotions.dynamic_prices where user_id = '{key(2)}' and is_personalised") == 0


def profiles_of(connection: duckdb.DuckDBPyConnection, user: str) -> list[str]:
    """The tables of scores that hold a row of the user."""
    keyed = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'scores' and column_name = 'user_id' order by all"
    ).fetchall()
    assert len(keyed) >= 19
    return [table for (table,) in keyed if one(connection, f"select count(*) from scores.{table} where user_id = '{user}'")]


def test_no_score_table_keeps_anything_on_who_refused_personalisation(plain: duckdb.DuckDBPyConnection) -> None:
    assert profiles_of(plain, key(2)) == []
    assert len(profiles_of(plain, key(0))) >= 10
    assert one(plain, "select count(*) from scores.risk_scores") == 79
    shown = f"select count(*) from promotions.recommendations where user_id = '{key(2)}'"
    assert one(plain, f"{shown} and recommendation_source = 'best_seller'") == one(plain, shown) != 0


def test_audits_are_built_and_their_evidence_can_be_looked_up(built: Path, plain: duckdb.DuckDBPyConnection) -> None:
    rules = plain.execute("select rule, rows_checked, violations, evidence_query from audits.compliance").fetchall()
    assert {rule: plain.execute(query).fetchall() for rule, _, _, query in rules} == {rule: [] for rule, *_ in rules}
    assert [rule for rule, checked, violations, _ in rules if violations or not checked] == []
    verdicts = dict(plain.execute("select verdict, count(*) from audits.fairness group by verdict").fetchall())
    assert {"reference", "fair", "too few"} <= set(verdicts)
    assert read_audits(built)["database"] == str(published_path(built))
    few = "users < (select value from policies.policy_values where name = 'min_audience_size')"
    for relation in ("audits.fairness", "audits.fairness_sums", "promotions.cluster_profiles"):
        assert one(plain, f"select count(*) from {relation} where {few}") == 0


def test_attributes_that_swap_users_leave_every_decision_as_it_was(built: Path, tmp_path: Path) -> None:
    """What reads users gives the same rows, to the bit; all that follows rests on those rows and so is the same.

    `benchmarks/swapped_attributes.py` builds the whole shop twice and compares every relation.
    """
    database = tmp_path / built.name
    shutil.copy(built, database)
    compiled = {
        path.stem: path.read_text()
        for path in (built.parent / "dbt").rglob("compiled/offerhouse/models/**/*.sql")
        if path.parent.suffix != ".yml" and ".yml/" not in str(path)  # those are of tests
    }
    protected = [
        name for name, column in read_contract()["users"]["columns"].items() if column["config"]["meta"].get("protected")
    ]
    with duckdb.connect(str(database)) as connection:
        before = connection.execute("select * from audits.audited_groups order by all").fetchall()
        known = {name for name, *_ in connection.execute("describe shop.users").fetchall()}
        assert set(protected) <= known
        turned = ", ".join(f"lag({name}, 7, 'other') over (order by hash(user_id)) as {name}" for name in protected)
        connection.execute(f"create or replace table shop.users as select * replace ({turned}) from shop.users")
        for name in ("checked_users", "stg_users"):
            connection.execute(f"create or replace table staging.{name} as {compiled[name]}")
        assert connection.execute("select * from audits.audited_groups order by all").fetchall() != before
        readers = [
            name
            for name, sql in compiled.items()
            if '"stg_users"' in sql and name not in ("stg_users", "audited_groups", "fairness_sums", "offer_inputs")
        ]
        assert {"user_features", "known_users", "considered_products", "considered_promotions"} <= set(readers)
        of_schema = {name: schema for schema, name in relations(connection)}
        for name in readers:
            kept = f"{of_schema[name]}.{name}"
            columns = ", ".join(f'"{column}"' for column, *_ in connection.execute(f"describe {kept}").fetchall())
            again = f"(select {columns} from ({compiled[name]}))"
            for one_way, other_way in ((kept, again), (again, kept)):
                differing = f"select count(*) from (select {columns} from {one_way} except all select {columns} from {other_way})"
                assert one(connection, differing) == 0, f"{name} reads a protected attribute"


def test_enforced_fairness_stops_the_build_with_a_sentence(built: Path, tmp_path: Path) -> None:
    database = tmp_path / built.name
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("""
            update audits.fairness
            set verdict = 'violated', compared_value = 0.5, compared_low = 0.4, compared_high = 0.6
            where decision = 'offers' and measure = 'offer_rate' and attribute = 'gender' and verdict <> 'reference'
        """)
    with pytest.raises(PromoError) as failure:
        run_dbt(["build", "--select", "fairness_is_kept"], database, {"fairness": "enforce"})
    assert failure.value.message.startswith(
        "test fairness_is_kept failed: fairness is enforced and violated: offers, offer_rate of gender "
    )


def test_control_group_and_marketing_refusal_get_no_offer(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from features.user_permissions where is_holdout") > 0
    assert (
        one(
            plain,
            """
            select count(*)
            from promotions.offers
            inner join features.user_permissions using (as_of_date, user_id)
            where is_holdout or not marketing_consent
            """,
        )
        == 0
    )
    reasons = plain.execute(
        f"select distinct unnest(reject_reasons) from promotions.coupon_eligibility where user_id = '{key(1)}'"
    ).fetchall()
    assert ("NO_CONSENT",) in reasons


def test_bits_and_refusals_say_what_the_words_say(plain: duckdb.DuckDBPyConnection) -> None:
    by_bits = """
        select user_id, promotion_id, list(code order by bit) as reasons
        from promotions.coupon_eligibility
        inner join policies.reject_codes on reject_bits & bit <> 0
        group by user_id, promotion_id
    """
    by_refusal = """
        select user_id, promotion_id, list(code order by place) as reasons
        from (
            select user_id, promotion_id, code, min(refusal_rank) as place
            from promotions.refusals where decided_by = 'eligibility' group by all
        )
        group by user_id, promotion_id
    """
    in_words = "select user_id, promotion_id, reject_reasons as reasons from promotions.coupon_eligibility where not is_eligible"
    assert one(plain, f"select count(distinct reasons) from ({in_words})") > 5
    assert one(plain, f"select count(*) from ({in_words} except all {by_bits})") == 0
    assert one(plain, f"select count(*) from ({by_bits} except all {in_words})") == 0
    not_over = f"{in_words} and not list_contains(reject_reasons, 'EXPIRED')"
    assert one(plain, f"select count(*) from ({not_over} except all {by_refusal})") == 0
    assert one(plain, f"select count(*) from ({by_refusal} except all {not_over})") == 0
    assert one(plain, "select count(*) from promotions.coupon_eligibility where reason is distinct from "
        "(select sentence from policies.reject_codes where code = reject_reasons[1])") == 0  # fmt: skip


def test_every_decision_is_told_in_words_in_both_languages(plain: duckdb.DuckDBPyConnection) -> None:
    told = (
        "select count(distinct language) from promotions.offer_reasons as told "
        "where {0}.user_id = told.user_id and {0}.promotion_id = told.promotion_id"
    )
    offered = told.format("offers") + " and decision = 'offered'"
    assert one(plain, "select count(*) from promotions.offers") > 0
    assert one(plain, f"select count(*) from promotions.offers where ({offered}) <> 2") == 0
    refused = told.format("refusals") + " and decision = 'refused' and what_would_change is not null"
    assert one(plain, "select count(distinct code) from promotions.refusals") > 5
    assert one(plain, f"select count(*) from promotions.refusals where ({refused}) <> 2") == 0
    spends = plain.execute(
        "select what_would_change from promotions.offer_reasons where code = 'NOT_IN_SEGMENT' and language = 'en' "
        "and what_would_change like 'The user spends % EUR more.' limit 1"
    ).fetchall()
    assert spends


def test_one_user_is_explained(built: Path, plain: duckdb.DuckDBPyConnection) -> None:
    (user, offer) = plain.execute("select user_id, offer_id from promotions.offers order by user_id limit 1").fetchall()[0]
    told = explain_user(built, user, None, None, "zh")
    assert offer in [found["offer_id"] for found in told["offers"]]
    assert all(found["reasons"] for found in told["offers"])
    assert told["refusals"]
    assert {"order_lines", "events"} <= {found["table_name"] for found in told["data_used"]}
    assert all(model["sha256"] for model in told["models"] if model["model_name"] != "risk_rules")
    for score in told["scores"]:
        assert all(reason["sentence"] for reason in score["reasons"])
    assert told["build"]["build_id"] == publication_record(published_path(built))["build_id"]
    assert explain_user(built, user, None, None, "zh") == told


def test_what_is_not_on_the_shortlist_is_explained_on_the_spot(built: Path, plain: duckdb.DuckDBPyConnection) -> None:
    user, product, interest = plain.execute(
        """
        select user_id, product_id, interest
        from scores.interest_scores
        where (user_id, product_id) not in (select (user_id, item_id) from scores.interest_reasons)
        order by user_id, product_id
        limit 1
        """
    ).fetchall()[0]
    told = explain_user(built, user, product, None, "en")
    (score,) = [score for score in told["scores"] if score["score"] == "interest"]
    margin = score["base_value"] + sum(reason["contribution"] for reason in score["reasons"])
    assert (score["item_id"], score["value"], score["method"]) == (product, interest, "exact")
    assert margin == pytest.approx(math.log(interest / (1 - interest)), abs=1e-4)
    assert told["product"]["is_considered"]


def test_who_refused_personalisation_is_explained_without_a_profile(built: Path) -> None:
    told = explain_user(built, key(2), None, None, "en")
    assert not told["permissions"]["personalisation_consent"]
    assert told["scores"] == []
    assert told["recommendations"]
    assert all(price["personal_price"] == price["non_personal_price"] for price in told["prices"])


def test_baskets_are_quoted_for_everyone_and_cheaper_for_who_may_have_offers(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from promotions.basket_totals where unpriced_lines = 0 and paid > 0") == 80
    assert one(plain, "select count(*) from promotions.basket_promotions where is_applied") > 0
    kept_out = """
        from promotions.basket_totals
        inner join features.user_permissions using (user_id)
        where (is_holdout or not marketing_consent)
    """
    assert one(plain, f"select count(*) {kept_out}") > 0
    assert one(plain, f"select count(*) {kept_out} and (paid <> amount or promotions_applied > 0)") == 0
    assert one(plain, "select count(*) from promotions.basket_promotions where promotion_id = 'GONE' and code = 'NOT_HELD'") == 8


def test_feedback_changes_what_comes_next_and_says_so(plain: duckdb.DuckDBPyConnection) -> None:
    hidden = "select user_id from promotions.coupon_eligibility where list_contains(reject_reasons, 'HIDDEN')"
    assert plain.execute(f"{hidden} and promotion_id = 'OPEN'").fetchall() == [(key(4),)]
    assert (
        one(plain, f"select count(*) from promotions.considered_products where user_id = '{key(9)}' and product_id = 'p3'") == 1
    )
    assert one(plain, f"select count(*) from promotions.recommendations where user_id = '{key(9)}' and product_id = 'p3'") == 0
    disliked = plain.execute(
        "select distinct feedback_weight < 1, reason like '%The user dislikes offers of category%' "
        f"from promotions.recommendations where user_id = '{key(6)}'"
    ).fetchall()
    assert disliked == [(True, True)]
    liked = f"select feedback from promotions.coupon_eligibility where user_id = '{key(8)}' and promotion_id = 'DOUBLE_POINTS'"
    assert one(plain, liked).startswith("The user likes such offers, which count for ")  # type: ignore[attr-defined]
    # who refused personalisation has no profile of likes
    assert one(plain, f"select count(*) from features.user_feedback_weights where user_id = '{key(2)}'") == 0
    assert one(plain, "select offer_source from features.offer_verdicts where offer_id = 'never heard of'") == "unknown"
    assert one(plain, "select count(*) from audits.feedback_effect where finding = 'too_few'") == 12


def test_all_reasons_of_a_refusal_are_told(plain: duckdb.DuckDBPyConnection) -> None:
    (used,) = plain.execute(
        f"select reject_reasons from promotions.coupon_eligibility where user_id = '{key(0)}' and promotion_id = 'OPEN'"
    ).fetchall()[0]
    assert "CAP_USER" in used
    (soon,) = plain.execute(
        f"select reject_reasons from promotions.coupon_eligibility where user_id = '{key(60)}' and promotion_id = 'SOON'"
    ).fetchall()[0]
    assert {"NOT_YET_VALID", "NOT_IN_CAMPAIGN"} <= set(soon)


def test_a_build_that_passes_is_published_with_its_record(built: Path) -> None:
    published = published_path(built)
    assert published.stat().st_mode & 0o777 == 0o600
    with duckdb.connect(str(published), read_only=True) as connection:
        recorded = {name for (name,) in connection.execute("select relation from audits.publication").fetchall()}
        present = {f"{schema}.{name}" for schema, name in relations(connection)}
        assert present - recorded == {"audits.builds", "audits.build_nodes", "audits.publication"}
        assert {"promotions.offers", "promotions.dynamic_prices", "scores.interest_scores", "policies.segment_rules"} <= recorded
        assert not recorded - present
        ((rows, models),) = connection.execute(
            "select row_count, models from audits.publication where relation = 'scores.interest_scores'"
        ).fetchall()
        assert rows == one(connection, "select count(*) from scores.interest_scores")
        assert [model.split()[0] for model in models] == ["interest"]
        ((build, day, policies, outcome, failed, tests),) = connection.execute(
            "select build_id, as_of_date, policy_version, outcome, tests_failed, tests_passed from audits.builds"
        ).fetchall()
        assert (str(day), outcome, failed) == ("2025-07-20", "passed", 0)
        assert tests > 200
        assert policies == policy_version(connection)  # manifests of exports say the same
        assert one(connection, "select count(distinct build_id) from audits.publication") == 1
        assert one(connection, f"select count(*) from audits.build_nodes where build_id = '{build}' and kind = 'model'") > 100
        # A content hash is of rows, whatever their order, and no time of scoring is in it.
        ((recorded_hash,),) = connection.execute(
            "select content_hash from audits.publication where relation = 'scores.purchase_intent_scores'"
        ).fetchall()
        columns = ", ".join(
            name
            for (name,) in connection.execute("select column_name from (describe scores.purchase_intent_scores)").fetchall()
            if name != "scored_at"
        )
        shuffled = "select * from scores.purchase_intent_scores order by hash(user_id)"
        hashed = f"select md5(concat_ws('|', count(*), sum(hash({columns})::hugeint))) from ({shuffled})"
        assert one(connection, hashed) == recorded_hash


def test_what_models_alone_read_is_not_published(built: Path, plain: duckdb.DuckDBPyConnection) -> None:
    told = unpublished_models()
    assert {"user_product_history", "checked_order_lines"} < told
    with duckdb.connect(str(published_path(built)), read_only=True) as connection:
        published = set(relations(connection))
    layers = {schema for schema, _ in published}
    assert {name for schema, name in set(relations(plain)) - published if schema in layers} == told


def test_an_offer_is_traced_to_build_models_and_rows(built: Path, plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from audits.offer_inputs") == one(plain, "select count(*) from promotions.offers") > 0
    ((offer, user, product),) = plain.execute(
        "select offer_id, user_id, product_id from promotions.offers where product_id is not null order by offer_id limit 1"
    ).fetchall()
    found = find_trace(built, offer)
    record = publication_record(published_path(built))
    assert found["build_id"] == record["build_id"]
    assert found["policy_version"] == record["policy_version"] is not None
    assert (found["status"], found["user_id"], found["product_id"]) == ("on record", user, product)
    for score in ("interest_scores", "purchase_intent_scores"):
        name = score.removesuffix("_scores")
        of_product = f" and product_id = '{product}'" if name == "interest" else ""
        value = one(plain, f"select {name} from scores.{score} where user_id = '{user}'{of_product}")
        assert found["scores"][name]["score"] == pytest.approx(value)
        assert f"{found['scores'][name]['model_name']} {found['scores'][name]['model_version']}" in record["models"]
    of_pair = f"where user_id = '{user}' and product_id = '{product}'"
    features = one(plain, f"select features from features.user_product_features {of_pair}")
    assert list(found["features"]["interest"].values()) == pytest.approx(features, nan_ok=True)
    rows = {(source["table_name"], source["key_column"]): source["row_count"] for source in found["source_rows"]}
    assert rows["shop.order_lines", "user_id"] == one(
        plain, f"select count(*) from staging.checked_order_lines where user_id = '{user}'"
    )
    assert rows["shop.inventory", "product_id"] == 1
    price = f"select personal_price from promotions.dynamic_prices {of_pair}"
    assert found["price"]["personal_price"] == float(one(plain, price))  # type: ignore[arg-type]


def builds(database: Path) -> list[tuple[object, ...]]:
    """Every row of the record of builds, as they stand there."""
    with duckdb.connect(str(database), read_only=True) as connection:
        nodes = connection.execute("select count(*), sum(hash(nodes)) from audits.build_nodes as nodes").fetchall()
        return [*connection.execute("from audits.builds order by rowid").fetchall(), *nodes]


def test_a_rolled_back_publication_can_be_published_again_unless_something_changed(
    built: Path, tmp_path: Path, promo: Callable[..., tuple[int, str, str]]
) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    build, on_record = publication_record(published_path(built))["build_id"], builds(database)
    code, out, _ = promo("publish", "--database", database, "--json", "-q")
    assert (code, json.loads(out)["build_id"]) == (0, build)
    assert published_path(database).is_file()
    assert builds(database) == builds(published_path(database)) == on_record
    published_path(database).unlink()
    run_dbt(["run-operation", "publish"], database, {"users_per_slice": 7})  # refuses fingerprints that are others
    (tmp_path / "dbt" / "warehouse" / PARSED).unlink()  # read with that var, no other command's
    assert builds(published_path(database)) == on_record
    previous = published_path(database).parent / "previous"
    previous.mkdir()
    shutil.copy(published_path(database), previous / "000001_20250720T000000Z.duckdb")
    assert promo("publish", "--rollback", "--database", database)[0] == 0
    assert builds(database) == builds(published_path(database)) == on_record
    with duckdb.connect(str(database)) as connection:
        connection.execute("update policies.policy_values set value = value + 1")
    published_path(database).unlink()
    code, _, err = promo("publish", "--database", database)
    assert (code, err.count("\n")) == (BUILD_FAULT, 1)
    assert "policies.policy_values has changed since the last complete build: run promo build" in err
    assert not published_path(database).exists()


def test_a_campaign_leaves_a_file_that_names_the_models_behind_it(built: Path, tmp_path: Path) -> None:
    done = export_campaign(built, "weekly_thanks", output=tmp_path)
    assert done.path.is_file()
    models = {entry["model_name"] for entry in done.manifest["models"]}
    assert {"interest", "purchase_intent_blend"} <= models


def test_members_have_the_tier_and_the_points_that_the_shop_counted(plain: duckdb.DuckDBPyConnection) -> None:
    kept = """
        select count(*)
        from promotions.loyalty_status as status
        inner join staging.stg_loyalty_accounts as accounts using (user_id)
        where status.tier = accounts.tier and status.points_balance = accounts.points and status.run_by = 'shop'
    """
    assert one(plain, kept) == one(plain, "select count(*) from promotions.loyalty_status") == 20
    # u0 has no points to begin with; nothing is added to a balance that was counted now
    assert plain.execute("select kind, count(*) from promotions.loyalty_points group by kind").fetchall() == [("opening", 19)]


def test_campaigns_are_planned_before_anything_is_sent(plain: duckdb.DuckDBPyConnection) -> None:
    planned = dict(plain.execute("select campaign_id, status from promotions.campaigns_planned").fetchall())
    assert planned["C1"] == planned["weekly_thanks"] == "running"
    assert one(plain, "select count(*) from promotions.campaigns_planned where expected_offers > 0") > 0
    # who gets an offer of a campaign is in its audience
    assert one(plain, "select count(*) from promotions.campaigns_planned where offers_today > 3 * audience_size") == 0


def test_own_columns_reach_the_features(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, f"select x_columns ->> 'x_store_visits' from features.user_features where user_id = '{key(8)}'") == "1"
    assert one(plain, "select x_columns ->> 'x_shelf' from features.product_features where product_id = 'p3'") == "shelf 3"


def test_sold_out_products_are_not_recommended(plain: duckdb.DuckDBPyConnection) -> None:
    assert one(plain, "select count(*) from promotions.recommendations where product_id = 'p7'") == 0
    assert one(plain, "select count(*) from scores.interest_scores where product_id = 'p7'") > 0


def test_a_second_build_scores_nothing_again_and_makes_the_same_offers(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    scored = "select user_id, product_id, scored_at from scores.interest_scores order by all"
    offered = "from promotions.offers order by all"
    tiers = "from promotions.loyalty_tier_changes order by all"
    explained = "select user_id, item_id, explained_at from scores.interest_reasons order by all"
    decided = "from audits.offer_inputs order by all"
    with duckdb.connect(str(database)) as connection:
        tiers_before, decided_before = connection.execute(tiers).fetchall(), connection.execute(decided).fetchall()
        scores_before, offers_before = connection.execute(scored).fetchall(), connection.execute(offered).fetchall()
        reasons_before = connection.execute(explained).fetchall()
    assert offers_before
    assert key(5) in {user for user, *_ in reasons_before}
    run_dbt(["run"], database)
    with duckdb.connect(str(database)) as connection:
        assert connection.execute(scored).fetchall() == scores_before
        assert connection.execute(offered).fetchall() == offers_before
        assert connection.execute(tiers).fetchall() == tiers_before
        assert connection.execute(explained).fetchall() == reasons_before
        assert connection.execute(decided).fetchall() == decided_before
        connection.execute("insert into shop.consents select user_id, 'marketing', timestamp '2025-07-01', false from shop.users")
        connection.execute("insert into shop.consents values ('u5', 'personalisation', timestamp '2025-07-01', false)")
    run_dbt(["run"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute(scored).fetchall() == [row for row in scores_before if row[0] != key(5)]
        assert profiles_of(connection, key(5)) == []
        # Nobody may be reached any more: the day's earlier offers are gone too.
        assert connection.execute(offered).fetchall() == []
        # What is recommended is explained still, and nothing is told anew.
        reasons_after = set(connection.execute(explained).fetchall())
        assert reasons_after < set(reasons_before)
        assert key(5) not in {user for user, *_ in reasons_after}
        assert connection.execute(decided).fetchall() == decided_before
        assert connection.execute("select distinct status from audits.offer_lineage").fetchall() == [("withdrawn",)]
        sources = f"select distinct recommendation_source from promotions.recommendations where user_id = '{key(5)}'"
        assert connection.execute(sources).fetchall() == [("best_seller",)]


def test_scores_kept_from_the_day_before_are_of_the_day_as_a_full_refresh_would_make_them(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "insert into shop.events (event_id, user_id, event_type, event_at) "
            "values ('next day', 'u5', 'search', timestamp '2025-07-20 12:00:00')"
        )
        scored = "select user_id, scored_at from scores.behaviour_cluster_scores"
        before = set(connection.execute(scored).fetchall())
        former = "select count(*) from scores.coupon_redemption_scores where campaign_id = 'former'"
        connection.execute("update scores.coupon_redemption_scores set campaign_id = 'former'")
        assert one(connection, former) > 0
    run_dbt(["run"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert before & set(connection.execute(scored).fetchall())
        assert one(connection, former) == 0, "a coupon went to another campaign"
        tables = connection.execute(
            "select distinct table_name from duckdb_columns() where schema_name = 'scores' and column_name = 'input_hash'"
        ).fetchall()
        assert len(tables) > 12
        for (table,) in tables:
            days = connection.execute(f"select distinct as_of_date from scores.{table}").fetchall()
            assert days in ([], [(date(2025, 7, 21),)]), table


def test_tables_written_in_slices_of_users_hold_the_same_rows_in_the_same_order(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    models, of_candidates = variables["sliced_models"], variables["models_of_candidates"]

    def slices_of(model: str) -> int:
        (written,) = (tmp_path / "dbt" / "warehouse" / "run").rglob(f"{model}.sql")
        return written.read_text().count("insert into")

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with duckdb.connect(str(database), read_only=True) as connection:
            known = connection.execute("select table_name, schema_name from duckdb_tables()").fetchall()
            schemas = {name: schema for name, schema in known if schema in ("features", "scores", "promotions")}
            return {model: connection.execute(f"from {schemas[model]}.{model} order by all").fetchall() for model in models}

    whole = rows()
    run_dbt(["run", "--select", *models], database, {"users_per_slice": 7})
    assert rows() == whole
    assert [model for model in models if slices_of(model) == 1] == []
    run_dbt(["run", "--select", *models], database, {"candidates_per_slice": 7 * 300})
    assert rows() == whole
    assert {model for model in models if slices_of(model) > 1} == set(of_candidates)
    with duckdb.connect(str(database), read_only=True) as connection:
        users = [user for (user,) in connection.execute("select user_id from promotions.recommendations").fetchall()]
    assert users == sorted(users)


AS_OF = "2025-06-01"
FUTURE_ROWS = {
    "users by name": "select 'late' as user_id, timestamp '2025-06-01' as signed_up_at",
    "order_lines": "values ('future', 1, 'u3', 'p1', timestamp '2025-06-01 00:00:00', 90, 9.99, 0.01)",
    "events": "values ('future', 'u3', 'p1', 's', 'view', timestamp '2025-06-02 10:00:00', 5)",
    "reviews": "values ('future', 'u3', 'p1', 1, timestamp '2025-06-02')",
    "coupon_redemptions": "values ('future', 'OPEN', 'u3', timestamp '2025-06-02', 1)",
    "inventory": "values ('p1', date '2025-06-01', 0)",
    "competitor_prices": "values ('p1', 'rival', timestamp '2025-06-01 12:00:00', 0.01)",
    "consents": "values ('u3', 'personalisation', timestamp '2025-06-01 00:00:00', false)",
    "offer_feedback": (
        "values ('u3', 'OPEN', timestamp '2025-06-01 00:00:00', 'hide'), ('u3', 'OPEN', timestamp '2025-06-02', 'like')"
    ),
}


def features_as_of(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every feature table at AS_OF, labels aside: those look ahead by their nature."""
    run_dbt(
        ["run", "--select", "path:models/staging", "path:models/private", "path:models/features", "--exclude", "*_labels"],
        database,
        {"as_of_dates": [AS_OF]},
    )
    with duckdb.connect(str(database), read_only=True) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "select distinct table_name from information_schema.columns "
                "where table_schema = 'features' and column_name = 'as_of_date'"
            ).fetchall()
            if not name.endswith("_labels")
        ]
        return {name: connection.execute(f"from features.{name} order by all").fetchall() for name in names}


def test_rows_on_or_after_the_as_of_date_change_no_feature(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    before = features_as_of(database)
    assert {"user_features", "product_features", "user_event_sequences", "user_product_features"} <= before.keys()
    with duckdb.connect(str(database)) as connection:
        for table, row in FUTURE_ROWS.items():
            connection.execute(f"insert into shop.{table} {row}")
    after = features_as_of(database)
    for name in before:
        assert after[name] == before[name], name
    # The same row a moment earlier does change them: the comparison can fail.
    with duckdb.connect(str(database)) as connection:
        connection.execute("update shop.order_lines set ordered_at = timestamp '2025-05-31 23:59:59' where order_id = 'future'")
        connection.execute("update shop.users set signed_up_at = timestamp '2025-05-31 23:59:59' where user_id = 'late'")
    earlier = features_as_of(database)
    for name in ("known_users", "user_features", "product_features", "user_event_sequences", "user_product_features"):
        assert earlier[name] != before[name], name


@pytest.mark.slow
def test_open_offers_of_yesterday_keep_their_budget_and_count_for_the_user(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        made = one(connection, "select count(*) from promotions.offers")
        connection.execute("update promotions.offers set as_of_date = as_of_date - 1")
    run_dbt(["build", "--select", "reservations+"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert one(connection, "select count(*) from promotions.reservations") == made
        owned = "select count(*) from promotions.coupon_eligibility where list_contains(reject_reasons, 'ALREADY_OWNED')"
        assert one(connection, owned) == made
        assert one(connection, "select count(*) from promotions.offers") >= made  # yesterday's stay on record
        assert one(connection, "select max(open) from (select count(*) as open from promotions.offers group by user_id)") == 3
        per_promotion = (
            "select count(*) from (select 1 from promotions.offers group by user_id, promotion_id having count(*) > 1)"
        )
        assert one(connection, per_promotion) == 0


def test_segments_stay_on_record_and_a_day_built_again_is_replaced(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        assert one(connection, "select count(*) from promotions.segment_migration") == 0
        history = "promotions.segment_history"
        connection.execute(f"create temp table today as from {history}")
        connection.execute(f"update {history} set as_of_date = as_of_date - 1")
        connection.execute(f"update {history} set life_cycle = 'prospect' where user_id = '{key(1)}'")
        connection.execute(f"update {history} set user_id = 'vanished' where user_id = '{key(2)}'")
        connection.execute(f"insert into {history} select * replace (as_of_date - 401 as as_of_date) from today")  # too old
        connection.execute(f"insert into {history} select * replace ('wrong' as value_tier) from today")  # built before
    run_dbt(["build", "--full-refresh", "--select", "segment_history+"], database)
    with duckdb.connect(str(database), read_only=True) as connection:
        assert one(connection, f"select count(distinct as_of_date) from {history}") == 2
        assert one(connection, f"select count(*) from {history} where value_tier = 'wrong'") == 0
        moves = "from promotions.segment_migration where dimension = 'life_cycle' and "
        for move in ("from_segment = 'prospect'", "from_segment = 'absent'", "to_segment = 'absent'"):
            assert one(connection, f"select count(*) {moves} {move} and users is null and share is null") == 1  # one user's own
        stayed = one(connection, f"select sum(users)::integer {moves} from_segment = to_segment")
        least = one(connection, "select value from policies.policy_values where name = 'min_audience_size'")
        of_few = f"select count(*) {moves} from_segment = to_segment and users is null"
        hidden = (float(str(least)) - 1) * float(str(one(connection, of_few)))  # at most
        assert 78 - hidden <= float(str(stayed)) <= 78


def test_a_publication_has_noted_the_models_behind_its_scores(built: Path) -> None:
    with open_read_only(published_path(built)) as published, open_read_only(built) as working:
        assert model_versions(published) == model_versions(working) != []  # the latter read off every row


def test_a_failing_policy_is_one_line_that_names_file_and_row(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("update policies.pricing_policy set max_discount = 1.5 where category = '*'")
    sentence = "seeds/pricing_policy.csv, row *: max_discount lies outside 0 to 1"
    *on_record, _ = builds(database)
    with pytest.raises(PromoError) as failure:
        run_dbt(["build", "--select", "policy_faults"], database)
    assert failure.value.exit_code == BUILD_FAULT
    assert failure.value.message == f"test pricing_policy_is_sound failed: {sentence}"
    assert not published_path(database).exists()
    last = look(database)["builds"][0]
    assert (last["command"], last["outcome"], last["is_complete"]) == ("build", "failed", False)
    assert last["failure"] == "test pricing_policy_is_sound"
    assert builds(database)[: len(on_record)] == on_record  # the record of a build is never changed by another


@pytest.mark.slow
def test_a_missing_column_stops_the_build_with_one_line(built: Path, tmp_path: Path) -> None:
    database = tmp_path / "offerhouse.duckdb"
    shutil.copy(built, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table shop.order_lines rename quantity to qty")
    with pytest.raises(PromoError, match=r"shop\.order_lines has no column quantity: add it, or name the column") as failure:
        run_dbt(["build", "--select", "base_order_lines"], database)
    assert "\n" not in failure.value.message
    # The way out that the line names.
    run_dbt(["run", "--select", "base_order_lines"], database, {"shop_columns": {"order_lines": {"quantity": "qty"}}})

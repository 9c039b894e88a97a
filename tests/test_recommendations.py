"""The ranking of recommendations against a literal greedy choice, on random users and policies."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendered_sql import PROJECT, SETTINGS, Renderer

USERS = 120

# Interest and margins on a coarse grid: ties are common, and products of them are exact.
SHOP = f"""
create or replace macro draw(what, a, b) as hash(what || '/' || a || '/' || b || '/' || getvariable('seed'));
create or replace table recommendable_products as
select 'p' || lpad(i::varchar, 2, '0') as product_id, 'Product ' || i as product_name,
    'category ' || draw('category', i, 0) % 5 as category, 'brand ' || i % 3 as brand,
    (draw('margin', i, 0) % 5 / 4.0)::double as margin_share, (draw('buyers', i, 0) % 4)::integer as buyers_28d,
    (draw('views', i, 0) % 3)::integer as views_28d, draw('again', i, 0) % 2 = 0 as is_rebought,
    (4 + draw('gap', i, 0) % 30)::double as replenishment_days
from range(40) as t(i);
create or replace table user_segments as
select 'u' || i as user_id, 'active' as life_cycle, ['high_value', 'low_value'][1 + i % 2] as value_tier,
    ['potential_buyer', 'unknown'][1 + i // 2 % 2] as intent, null::varchar as cluster_name
from range({USERS}) as t(i);
create or replace table considered_products as
with pairs as (
    select 'u' || u as user_id, 'p' || lpad(p::varchar, 2, '0') as product_id, u, p, u % 10 <> 9 as is_personal
    from range({USERS}) as users(u), range(45) as products(p)  -- the last five can't be had
    where draw('considered', u, p) % 100 < getvariable('density')
), facts as (
    select *, is_personal and p % 8 = 0 as is_new, is_personal and p % 8 <> 0 and draw('bought', u, p) % 2 = 0 as is_bought
    from pairs
)
select date '2024-03-01' as as_of_date, user_id, product_id, is_personal,
    case when is_personal then (draw('interest', u, p) % 32 / 32.0)::float end as interest, null::float as max_interest,
    case when is_new then 'similar_products' when is_personal then 'model' end as interest_source,
    case when is_new then 'new' else 'own' end as candidate_source,
    -- as the model before does: the places of two new products, of different categories
    case when is_new and p in (8, 24) then (p // 16 + 1)::integer end as new_product_place,
    case when is_bought then 1 + draw('days', u, p) % 4 else 0 end::integer as own_purchase_days,
    case when is_bought then 1 + draw('recency', u, p) % 80 end::integer as own_recency_days,
    case when is_bought then 2 + draw('habit', u, p) % 40 end::double as own_mean_gap_days,
    (case when is_personal then draw('related', u, p) % 3 / 2.0 else 0 end)::double as relatedness
from facts
where not is_new or p = 8 or (p = 24 and exists(select 1 from facts as other where other.u = facts.u and other.p = 8));
create or replace table user_feedback_weights as
select date '2024-03-01' as as_of_date, 'u' || u as user_id, 'category' as subject_kind, 'category ' || c as subject,
    [0.25, 0.5, 2, 4][1 + (draw('weight', u, c) % 4)::integer]::double as weight
from range({USERS}) as users(u), range(5) as categories(c)
where u % 10 <> 9 and draw('spoke', u, c) % 4 = 0;
create or replace table user_hidden_items as
select date '2024-03-01' as as_of_date, 'u' || u as user_id, 'product' as item_kind, 'p' || lpad(p::varchar, 2, '0') as item_id
from range({USERS}) as users(u), range(45) as products(p)
where draw('hid', u, p) % 8 = 0;
"""

policies = st.fixed_dictionaries(
    {
        "just_bought_days": st.sampled_from([0, 28, 56]),
        "due_share": st.sampled_from([0.0, 0.5, 1.0]),
        "max_recommendations_per_category": st.integers(1, 4),
        "new_product_every": st.integers(2, 12),
        "max_recommendations_per_user": st.integers(1, 25),
    }
)
weight = st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0])
weights = st.fixed_dictionaries({segment: st.tuples(weight, weight, weight) for segment in ("high_value", "potential_buyer")})
shops = st.fixed_dictionaries({"seed": st.integers(0, 10_000), "density": st.sampled_from([4, 25, 100])})


@pytest.fixture(scope="module")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def ranking() -> str:
    return Renderer(SETTINGS[0]).model(PROJECT / "models/promotions/recommendations.sql")[0]


def recommend(
    shop: duckdb.DuckDBPyConnection, ranking: str, policy: dict[str, float], weighing: Mapping[str, tuple[float, ...]]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each user in the order of their ranks, which have to be 1, 2, 3 …"""
    shop.execute("create or replace table policy_values (name varchar, value double)")
    shop.executemany("insert into policy_values values (?, ?)", list(policy.items()))
    shop.execute(
        "create or replace table recommendation_weights (dimension varchar, segment varchar, margin_weight double, "
        "related_weight double, diversity_weight double)"
    )
    for segment, numbers in weighing.items():
        dimension = "value_tier" if segment == "high_value" else "intent"
        shop.execute("insert into recommendation_weights values (?, ?, ?, ?, ?)", [dimension, segment, *numbers])
    shown = defaultdict(list)
    for row in rows_of(shop, ranking):
        shown[row["user_id"]].append(row)
        assert row["recommendation_rank"] == len(shown[row["user_id"]]), "ranks have a gap"
        assert row["reason"]
    return shown


def rows_of(shop: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = shop.execute(sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def greedy(
    shop: duckdb.DuckDBPyConnection, policy: dict[str, float], weighing: Mapping[str, tuple[float, ...]]
) -> dict[str, list[str]]:
    """Products of each user, picked one after the other: the documented rules, spelt out."""
    segments = {row["user_id"]: row for row in rows_of(shop, "from user_segments")}
    candidates = defaultdict(list)
    weights = {(row["user_id"], row["subject"]): row["weight"] for row in rows_of(shop, "from user_feedback_weights")}
    hidden = {(row["user_id"], row["item_id"]) for row in rows_of(shop, "from user_hidden_items")}
    for row in rows_of(shop, "from considered_products inner join recommendable_products using (product_id) order by all"):
        own = [weighing[name] for name in (segments[row["user_id"]][d] for d in ("value_tier", "intent")) if name in weighing]
        margin, related, row["diversity"] = (sum(numbers) for numbers in zip(*own, strict=True)) if own else (0, 0, 0)
        row["relevance"] = (row["interest"] or 0) * (1 + related * row["relatedness"]) * (1 + margin * row["margin_share"])
        row["relevance"] *= weights.get((row["user_id"], row["category"]), 1)
        interval = row["own_mean_gap_days"] if row["own_purchase_days"] >= 3 else None
        if row["own_purchase_days"] < 3 and row["is_rebought"]:
            interval = row["replenishment_days"]
        wait = policy["just_bought_days"] if interval is None else policy["due_share"] * interval
        if (row["user_id"], row["product_id"]) in hidden:
            continue
        if row["own_recency_days"] is None or row["own_recency_days"] >= wait:
            candidates[row["user_id"]].append(row)
    return {user: [row["product_id"] for row in picked(rows, policy)] for user, rows in candidates.items()}


def picked(rows: list[dict[str, Any]], policy: dict[str, float]) -> Iterator[dict[str, Any]]:
    new = sorted((row for row in rows if row["new_product_place"]), key=lambda row: row["new_product_place"])
    known = [row for row in rows if not row["new_product_place"]]
    taken = Counter(row["category"] for row in new)  # their places are set aside beforehand
    for place in range(1, min(len(rows), int(policy["max_recommendations_per_user"])) + 1):
        if new and (place % policy["new_product_every"] == 0 or not known):
            yield new.pop(0)
            continue
        best = min(
            known,
            key=lambda row: (
                taken[row["category"]] // policy["max_recommendations_per_category"],
                -row["relevance"] / (1 + row["diversity"] * taken[row["category"]]),
                -row["buyers_28d"],
                -row["views_28d"],
                row["product_id"],
            ),
        )
        known.remove(best)
        taken[best["category"]] += 1
        yield best


@given(shops, policies, weights)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranking_is_the_greedy_choice(
    shop: duckdb.DuckDBPyConnection,
    ranking: str,
    drawn: dict[str, int],
    policy: dict[str, float],
    weighing: Mapping[str, tuple[float, ...]],
) -> None:
    draw_shop(shop, drawn)
    shown = recommend(shop, ranking, policy, weighing)
    expected = greedy(shop, policy, weighing)
    assert {user: [row["product_id"] for row in rows] for user, rows in shown.items()} == expected
    for rows in shown.values():
        assert len({row["product_id"] for row in rows}) == len(rows)
        if any(row["recommendation_source"] == "best_seller" for row in rows):
            assert all(row["relevance"] is None and row["recommendation_source"] == "best_seller" for row in rows)


@given(shops, policies, weight, st.sampled_from([0.25, 1.0, 4.0]))
@settings(max_examples=20, deadline=None)
def test_more_weight_on_margin_never_lowers_the_mean_margin(
    shop: duckdb.DuckDBPyConnection, ranking: str, drawn: dict[str, int], policy: dict[str, float], less: float, added: float
) -> None:
    draw_shop(shop, drawn)

    def margins(margin_weight: float) -> dict[str, float]:
        weighing = {"high_value": (margin_weight, 0.5, 0.25), "potential_buyer": (0.0, 1.0, 0.0)}
        shown = recommend(shop, ranking, policy, weighing)
        return {user: sum(row["margin_share"] for row in rows) for user, rows in shown.items()}

    before, after = margins(less), margins(less + added)
    assert not {user for user, margin in before.items() if after[user] < margin - 1e-9}


def test_only_who_could_be_shown_something_misses_recommendations() -> None:
    missing = Renderer(SETTINGS[0]).model(PROJECT / "tests/recommendations_reach_every_user_without_gaps.sql")[0]
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table user_segments as
            select unnest(['shown', 'bought all', 'hid the rest', 'one is open', 'no candidate', 'none to be had']) as user_id;
            create table recommendable_products as select unnest(['p', 'q']) as product_id, 1 as buyers_28d;
            create table recommendations as select 'shown' as user_id, 1 as recommendation_rank;
            create table policy_values as select 'max_recommendations_per_user' as name, 20.0 as value;
            create table considered_products as
            select date '2024-03-01' as as_of_date, * from (values
                ('shown', 'p', null), ('bought all', 'p', 1), ('hid the rest', 'p', 1), ('hid the rest', 'q', null),
                ('one is open', 'p', 1), ('one is open', 'q', null), ('none to be had', 'sold out', 1)
            ) as t(user_id, product_id, own_recency_days);
            create table user_hidden_items as
            select date '2024-03-01' as as_of_date, * from (values
                ('hid the rest', 'product', 'q'), ('one is open', 'product', 'p'), ('one is open', 'coupon', 'q')
            ) as t(user_id, item_kind, item_id);
            """
        )
        found = {row["user_id"] for row in rows_of(connection, missing)}
        assert found == {"one is open", "no candidate", "none to be had"}
        connection.execute("update policy_values set value = 0")
        assert not rows_of(connection, missing)
        connection.execute("update policy_values set value = 20; update recommendable_products set buyers_28d = 0")
        assert not rows_of(connection, missing)
        connection.execute("update recommendations set recommendation_rank = 2")
        assert [row["user_id"] for row in rows_of(connection, missing)] == ["shown"]


def draw_shop(shop: duckdb.DuckDBPyConnection, drawn: dict[str, int]) -> None:
    for name, value in drawn.items():
        shop.execute(f"set variable {name} = {value}")
    shop.execute(SHOP)

"""Instances of the allocation problem, and the bound that no allocation can pass."""

import duckdb
import numpy as np

MAX_OFFERS = 3


def make_instance(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """promotions.eligible_promotions: 2,000 to 4,000 users, up to 16 promotions, budgets from scarce to ample."""
    random = np.random.default_rng(seed)
    users, promotions = int(random.integers(2000, 4001)), int(random.integers(3, 17))
    user, promotion = (part.ravel() for part in np.meshgrid(np.arange(users), np.arange(promotions), indexing="ij"))
    kept = random.random(user.size) < 0.6
    user, promotion = user[kept], promotion[kept]
    base_cost = random.uniform(0.5, 20, promotions)
    varies = random.random(promotions) < 0.5
    spread = np.where(varies[promotion], random.uniform(0.5, 1.5, user.size), 1.0)
    cost = np.round(base_cost[promotion] * spread, 2)
    shared = random.random() < 0.3
    budget_of = random.integers(0, promotions, promotions) if shared else np.arange(promotions)
    wanted = np.bincount(budget_of[promotion], cost, promotions) * MAX_OFFERS / promotions
    budget = np.round(wanted * random.uniform(0.2, 1.3, promotions), 2)
    budget[random.random(promotions) < 0.2] = np.nan
    uses = np.floor(users * random.uniform(0.05, 0.5, promotions))
    uses[random.random(promotions) < 0.7] = np.nan
    classes = random.integers(0, promotions, promotions) if random.random() < 0.5 else np.arange(promotions)
    pairs = {  # noqa: F841 -- read by the query below
        "user": user,
        "promotion": promotion,
        "budget": budget_of[promotion],
        "class": classes[promotion],
        "cost": cost,
        "margin": random.lognormal(0, 0.8, promotions)[promotion] * random.lognormal(0, 0.7, user.size),
        "budget_left": budget[budget_of[promotion]],
        "redemptions_left": uses[promotion],
    }
    connection.execute(f"""
        create or replace table promotions.eligible_promotions as
        select
            date '2025-01-01' as as_of_date, 'u' || "user" as user_id, 'p' || promotion as promotion_id,
            'b' || budget as budget_id, 10 as priority, 'c' || class as choice_class, cast(cost as decimal(18, 2)) as cost,
            0.5::float as purchase_intent, 0.5::float as redemption_score,
            margin as expected_margin, cast(nullif(budget_left, 'nan'::double) as decimal(18, 2)) as budget_left,
            cast(nullif(redemptions_left, 'nan'::double) as integer) as redemptions_left,
            cast(row_number() over (partition by "user" order by margin desc, promotion) as integer) as user_rank,
            {MAX_OFFERS} as offers_left
        from pairs
    """)


def linear_bound(connection: duckdb.DuckDBPyConnection) -> float:
    """The optimum when offers may be cut into parts (HiGHS): no allocation can bring more."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    pairs = connection.execute("""
        select
            dense_rank() over (order by user_id) - 1 as "user", dense_rank() over (order by budget_id) - 1 as budget,
            dense_rank() over (order by promotion_id) - 1 as promotion,
            dense_rank() over (order by user_id, choice_class) - 1 as choice, cost::double as cost, expected_margin,
            budget_left::double as budget_left, redemptions_left::double as redemptions_left
        from promotions.eligible_promotions
    """).fetchnumpy()
    count = pairs["cost"].size
    rows = [pairs["user"], pairs["choice"] + pairs["user"].max() + 1]
    columns, weights = [np.arange(count)] * 2, [np.ones(count)] * 2
    limits = [np.full(pairs["user"].max() + 1, MAX_OFFERS), np.ones(pairs["choice"].max() + 1)]
    for key, limit, weight in (("budget", "budget_left", pairs["cost"]), ("promotion", "redemptions_left", np.ones(count))):
        left = np.ma.filled(pairs[limit].astype(float), np.nan)
        bounded = np.flatnonzero(~np.isnan(left))
        if bounded.size:
            keys, row = np.unique(pairs[key][bounded], return_inverse=True)
            rows.append(row + sum(map(len, limits)))
            columns.append(bounded)
            weights.append(weight[bounded])
            limits.append(np.array([left[bounded][row == place][0] for place in range(keys.size)]))
    matrix = csr_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))))
    solved = linprog(-pairs["expected_margin"], A_ub=matrix, b_ub=np.concatenate(limits), bounds=(0, 1), method="highs")
    assert solved.success
    return float(-solved.fun)


def reached_and_broken(connection: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    """The expected margin of the offers made, and how many budgets, bounds on uses, choices and offers a user are broken."""
    reached, broken = connection.execute(f"""
        with offers as (
            select pairs.* from promotions.eligible_promotions as pairs
            inner join promotions.allocation as made using (user_id, promotion_id) where made.decision = 'OFFERED'
        )
        select
            (select sum(expected_margin) from offers),
            (select count(*) from (select 1 from offers group by budget_id having sum(cost) > max(budget_left)))
            + (select count(*) from (select 1 from offers group by promotion_id having count(*) > max(redemptions_left)))
            + (select count(*) from (select 1 from offers group by user_id, choice_class having count(*) > 1))
            + (select count(*) from (select 1 from offers group by user_id having count(*) > {MAX_OFFERS}))
    """).fetchall()[0]
    return float(reached or 0), int(broken)

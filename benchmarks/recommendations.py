"""Recommendations against what was bought afterwards: what variety and waiting cost in relevance, beside interest alone.

python benchmarks/recommendations.py DATABASE

DATABASE was built as of a day with later purchases in the shop, e.g. `promo build --as-of-date 2017-12-04` on Complete
Journey. A replay rewards what people would have bought anyway, so the cost of waiting is an upper bound of its cost.
"""

import argparse

import duckdb

RANKINGS = {
    "interest alone": """
        select user_id, product_id, category,
            row_number() over (partition by user_id order by interest desc, product_id) as recommendation_rank
        from promotions.considered_products inner join promotions.recommendable_products using (product_id)
        where interest is not null
        qualify recommendation_rank <= 10
    """,
    "recommendations": """
        select user_id, product_id, category, recommendation_rank from promotions.recommendations where recommendation_rank <= 10
    """,
}

LATER = """
create temp table later as
select distinct user_id, product_id
from staging.base_order_lines
inner join staging.as_of_dates as dates on ordered_at < dates.as_of_date + {days}
where quantity > 0 and ordered_at > (select max(ordered_at) from staging.stg_order_lines)
    and product_id in (select product_id from promotions.recommendable_products)
"""

FIGURES = """
with hits as (
    select shown.*, case when later.user_id is null then 0 else 1 end as hit,
        count(*) over (partition by user_id, category) as of_category
    from shown left join later using (user_id, product_id)
), users as (
    select user_id, sum(hit) as hits, sum(hit / log2(recommendation_rank + 1)) as gain, max(bought) as bought,
        count(distinct category) as categories, max(of_category) as of_one_category
    from hits inner join (select user_id, count(*) as bought from later group by user_id) using (user_id)
    group by user_id
), ideal as (
    select k, sum(1 / log2(i + 1)) as gain from range(1, 11) as a(k), range(1, 11) as b(i) where i <= k group by k
)
select count(*), avg(users.gain / ideal.gain), avg(hits / bought), avg(categories), avg(of_one_category),
    (select count(distinct product_id) from shown)
from users inner join ideal on k = least(bought, 10)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("database")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{parser.parse_args().database}' as built (read_only); use built")
        print("days  ranking          users  NDCG@10  recall@10  categories  most of one  products shown")
        for days in (7, 28):
            connection.execute("drop table if exists temp.later")
            connection.execute(LATER.format(days=days))
            if not connection.execute("select 1 from temp.later limit 1").fetchall():
                raise SystemExit(
                    "nobody bought after the as-of date: build as of an earlier day, promo build --as-of-date 2017-12-04"
                )
            for name, ranking in RANKINGS.items():
                connection.execute(f"create or replace temp table shown as {ranking}")
                users, *shares, products = connection.execute(FIGURES).fetchall()[0]
                ndcg, recall, categories, of_one = (f"{share:.4f}" for share in shares)
                print(f"{days:4}  {name:15}  {users:5}  {ndcg:>7}  {recall:>9}  {categories:>10}  {of_one:>11}  {products:14}")


if __name__ == "__main__":
    main()

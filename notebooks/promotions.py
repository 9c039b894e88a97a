# Questions to the published database, as a notebook: `marimo edit notebooks/promotions.py` opens it in a browser, `marimo run`
# shows it without code, and `python notebooks/promotions.py` runs it headless. It reads, and never writes.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Promotions", sql_output="native")


@app.cell
def _():
    import altair
    import duckdb
    import marimo as mo

    from promo_cli.paths import database_path, published_path

    published = published_path(database_path())
    warehouse = duckdb.connect(str(published), read_only=True)
    return altair, mo, published, warehouse


@app.cell(hide_code=True)
def _(mo, published):
    mo.md(f"""
    # Promotions

    What `{published}` says, with SQL. Users stand under pseudonyms; money is in the shop's currency.
    """)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Who are the users, and how many are about to leave?
    """)
    return


@app.cell
def _(mo, warehouse):
    segments = mo.sql(
        """
        select
            life_cycle,
            value_tier,
            count(*) as users,
            round(avg(purchase_intent), 3) as mean_purchase_intent
        from promotions.user_segments
        group by life_cycle, value_tier
        having count(*) >= (select value from policies.policy_values where name = 'min_audience_size')
        order by users desc, life_cycle, value_tier
        """,
        engine=warehouse,
        output=False,
    )
    return (segments,)


@app.cell
def _(altair, segments):
    segments_chart = (
        altair.Chart(segments.to_arrow_table(), title="Users by life cycle and value")
        .mark_bar()
        .encode(
            x=altair.X("users:Q", title="users"),
            y=altair.Y("life_cycle:N", title=None, sort="-x"),
            color=altair.Color("value_tier:N", title="value tier"),
            tooltip=["life_cycle", "value_tier", "users", "mean_purchase_intent"],
        )
        .properties(width=600)
    )
    segments_chart
    return (segments_chart,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What will the campaigns reach, cost and bring?

    Incremental margin is what comes on top of what users would have bought anyway; below 0 a campaign loses money.
    Figures for a few people are empty.
    """)
    return


@app.cell
def _(mo, warehouse):
    campaigns = mo.sql(
        """
        select
            campaign_name,
            status,
            audience_size,
            expected_offers,
            expected_redemptions,
            expected_cost,
            expected_margin,
            expected_incremental_margin,
            round(measured_share, 2) as measured_share
        from promotions.campaigns_planned
        order by expected_margin desc nulls last, campaign_name
        """,
        engine=warehouse,
        output=False,
    )
    mo.ui.table(campaigns.to_arrow_table(), selection=None, page_size=20, show_column_summaries=False)
    return (campaigns,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Why are promotions refused?

    Of users whom a single rule keeps from a promotion: lifting that rule would let them have it.
    """)
    return


@app.cell
def _(mo, warehouse):
    refusals = mo.sql(
        """
        select
            codes.sentence as rule,
            count(distinct eligibility.user_id) as users,
            round(sum(greatest(eligibility.expected_margin, 0)), 2) as expected_margin
        from promotions.coupon_eligibility as eligibility
        inner join policies.reject_codes as codes on eligibility.reject_reasons[1] = codes.code
        where len(eligibility.reject_reasons) = 1
        group by codes.sentence
        having count(distinct eligibility.user_id) >= (select value from policies.policy_values where name = 'min_audience_size')
        order by users desc, rule
        """,
        engine=warehouse,
        output=False,
    )
    mo.ui.table(refusals.to_arrow_table(), selection=None, page_size=30, show_column_summaries=False, wrapped_columns=["rule"])
    return (refusals,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Which guardrail holds the prices, and how deep are the discounts?
    """)
    return


@app.cell
def _(mo, warehouse):
    discounts = mo.sql(
        """
        select
            coalesce(binding_guardrail, 'none') as guardrail,
            5 * floor(20 * (1 - personal_price / list_price)) as percent_off,
            count(*) as prices
        from promotions.dynamic_prices
        where list_price > 0
        group by guardrail, percent_off
        order by guardrail, percent_off
        """,
        engine=warehouse,
        output=False,
    )
    return (discounts,)


@app.cell
def _(altair, discounts):
    discounts_chart = (
        altair.Chart(discounts.to_arrow_table(), title="Prices by percent off the list price")
        .mark_bar()
        .encode(
            x=altair.X("percent_off:O", title="percent off, from"),
            y=altair.Y("prices:Q", title="prices"),
            color=altair.Color("guardrail:N", title="guardrail"),
            tooltip=["guardrail", "percent_off", "prices"],
        )
        .properties(width=600)
    )
    discounts_chart
    return (discounts_chart,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Do the scores mean what they say?

    On the line, a score of 0.3 came true three times in ten, on the test window of the model's training.
    """)
    return


@app.cell
def _(mo, warehouse):
    calibration = mo.sql(
        """
        select
            curves.model_name,
            curves.point as decile,
            curves.x as mean_score,
            curves.y as observed_rate,
            curves.row_count
        from audits.model_curves as curves
        inner join audits.model_registry as registry
            on curves.model_name = registry.model_name and curves.model_version = registry.model_version
        where curves.curve = 'reliability' and curves.series = 'test' and registry.status = 'champion'
        order by curves.model_name, curves.point
        """,
        engine=warehouse,
        output=False,
    )
    return (calibration,)


@app.cell
def _(altair, calibration):
    points = (
        altair.Chart(calibration.to_arrow_table())
        .mark_line(point=True)
        .encode(
            x=altair.X("mean_score:Q", title="mean score"),
            y=altair.Y("observed_rate:Q", title="observed rate"),
            color=altair.Color("model_name:N", title="model"),
            tooltip=["model_name", "decile", "mean_score", "observed_rate", "row_count"],
        )
    )
    ideal = altair.Chart({"values": [{"at": 0}, {"at": 1}]}).mark_line(strokeDash=[4, 4], color="grey").encode(x="at:Q", y="at:Q")
    calibration_chart = (ideal + points).properties(title="Observed rate by mean score, tenths of the test window", width=600)
    calibration_chart
    return (calibration_chart,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What does a column mean?

    Choose a relation; its columns, with their units.
    """)
    return


@app.cell
def _(mo, warehouse):
    names = warehouse.sql("""
        select distinct schema_name || '.' || table_name as relation
        from duckdb_columns()
        where schema_name in ('promotions', 'audits', 'scores')
        order by relation
    """).fetchall()
    relation = mo.ui.dropdown([name for (name,) in names], value="promotions.offers", label="relation")
    relation
    return (relation,)


@app.cell
def _(mo, relation, warehouse):
    columns = mo.sql(
        f"""
        select column_name, data_type, comment
        from duckdb_columns()
        where schema_name || '.' || table_name = '{relation.value}'
        order by column_index
        """,
        engine=warehouse,
        output=False,
    )
    mo.ui.table(columns.to_arrow_table(), selection=None, page_size=100, show_column_summaries=False, wrapped_columns=["comment"])
    return (columns,)


if __name__ == "__main__":
    app.run()

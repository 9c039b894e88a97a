"""Everything that is known of why one user gets what they get, from the published database: what `promo explain` tells."""

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promo_cli.errors import DATA_FAULT, PromoError, storable
from promo_cli.phrases import told_reason, told_refusal

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
FALLBACK = "en"

_USER = """
select
    permissions.user_id, permissions.as_of_date, permissions.personalisation_consent, permissions.marketing_consent,
    permissions.ads_consent, permissions.is_holdout,
    segments.life_cycle, segments.value_tier, segments.intent, segments.cluster_name
from features.user_permissions as permissions
left join promotions.user_segments as segments on permissions.user_id = segments.user_id
where
    permissions.user_id = $user
    and permissions.as_of_date = (select max(as_of_date) from staging.as_of_dates where as_of_date = data_until)
"""
_BUILD = """
select build_id, as_of_date, policy_version, models, offerhouse_version, finished_at as built_at
from audits.builds
where command = 'build' and outcome = 'passed' and is_complete
order by rowid desc
limit 1
"""
# valid_to is the first moment at which an offer holds no more; people read the shop's last day on which it does.
_LAST_DAY = "cast((valid_to - interval 1 second) at time zone 'UTC' at time zone $timezone as date) as last_day"
_OFFERS = f"""
select
    offer_id, as_of_date as offered_on, promotion_id, promotion_name, kind, campaign_id, face_value, min_spend, product_id,
    valid_from, valid_to, {_LAST_DAY}, redemption_score as chance_of_use, expected_margin, user_rank, reason
from promotions.offers
where user_id = $user and offer_id in (select offer_id from promotions.open_offers where user_id = $user)
order by as_of_date desc, user_rank, promotion_id
"""
_OFFER_REASONS = """
select offer_id, reason_rank, score_name, item_id, feature, direction, contribution, method, reason
from promotions.offer_reasons
where user_id = $user and decision = 'offered' and language = $language
order by offer_id, reason_rank
"""
# Nearest first: what the shop would have to change counts more than what the user or time can.
_REFUSALS = """
select
    refusals.* exclude (as_of_date, user_id), considered.promotion_name, considered.kind, considered.campaign_id,
    considered.product_id, considered.face_value, codes.sentence,
    sum(case when refusals.brought_by = 'shop' then 1 else 0 end) over of_promotion as from_shop,
    count(*) over of_promotion as changes, considered.priority
from promotions.refusals as refusals
inner join promotions.considered_promotions as considered
    on refusals.user_id = considered.user_id and refusals.promotion_id = considered.promotion_id
left join policies.reject_codes as codes on refusals.code = codes.code
where refusals.user_id = $user and considered.user_id = $user
window of_promotion as (partition by refusals.promotion_id)
order by from_shop, changes, considered.priority, refusals.promotion_id, refusals.refusal_rank
"""
_OVER = f"""
select considered.promotion_id, considered.promotion_name, considered.kind, considered.valid_to, {_LAST_DAY}
from promotions.considered_promotions as considered
where considered.user_id = $user and considered.is_over
order by considered.promotion_id
"""
_PRICES = """
select
    prices.product_id, products.product_name, prices.category, prices.list_price, prices.market_price, prices.demand_factor,
    prices.stock_factor, prices.competitor_factor, prices.interest, prices.relative_interest, prices.price_sensitivity,
    prices.formula_price, prices.price_floor, prices.binding_guardrail, prices.personal_price, prices.non_personal_price,
    prices.is_personalised, prices.disclosure, prices.prior_price, prices.reduction_began_on,
    prices.announced_discount_percent, prices.reason
from promotions.dynamic_prices as prices
left join staging.stg_products as products on prices.product_id = products.product_id
where prices.user_id = $user and list_contains($products, prices.product_id)
order by list_position($products, prices.product_id)
"""
_RECOMMENDATIONS = """
select recommendation_rank, product_id, product_name, category, recommendation_source, interest, reason
from promotions.recommendations
where user_id = $user and recommendation_rank <= 5
order by recommendation_rank
"""
_REASONS = """
select * exclude (user_id)
from promotions.score_reasons
where user_id = $user
order by score_name, item_id, reason_rank
"""
_DATA = "select table_name, row_count, first_on, last_on from features.user_data_used where user_id = $user order by table_name"
_WORDS = "select score, feature, direction, sentence from promotions.reason_words where language = $language"


def explain_user(database: Path, user: str, product: str | None, offer: str | None, language: str) -> Row:
    """What is known of `user`, fit for JSON; `user` is the shop's own name of them.

    `product` and `offer` (an offer_id or a promotion_id) narrow it. Raises PromoError (exit code 1) for a user, product or
    offer that the last build doesn't know, or when nothing is built, and (3) when the database can't be opened.
    """
    import duckdb

    from promo_cli.people import user_key
    from promo_cli.warehouse_reader import open_read_only, readable_database

    path = readable_database(database)
    user, product, offer = storable(user), product and storable(product), offer and storable(offer)
    key = user_key(database, user)  # before: it opens the same file, whose settings are locked then
    with open_read_only(path) as connection:
        try:
            return _Reader(connection, key, user).explanation(product, offer, language)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise PromoError(f"{path} holds no explanations; run promo build", DATA_FAULT) from error


class _Reader:
    """The queries of one explanation."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", key: str, shown: str) -> None:
        self._connection = connection
        self._key = key
        self._shown = shown
        self._settings = self._read_settings()
        self._timezone = self._settings.get("shop_timezone") or "UTC"

    def explanation(self, product: str | None, offer: str | None, language: str) -> Row:
        from promo_cli.provenance import model_hashes

        person = self._person()
        told_in = self._language(language)
        currency = self._settings.get("currency")
        over = self._rows(_OVER, user=self._key, timezone=self._timezone)
        today = person.pop("as_of_date")
        offers = self._offers(told_in)
        refusals = self._refusals(told_in, currency)
        if offer is not None:
            offers, refusals, over = self._narrowed(offer, offers, refusals, over)
        recommendations = [] if product or offer else self._rows(_RECOMMENDATIONS, user=self._key)
        product_id = None if product is None else self._product_id(product)
        wanted = [product_id] if product_id else [found["product_id"] for found in [*offers, *recommendations]]
        wanted = list(dict.fromkeys(found for found in wanted if found))
        scores, note = self._scores(told_in, currency, product_id)
        told: Row = {
            "user_id": self._shown,
            "as_of_date": today,
            "build": self._build(),
            "language": told_in,
            "requested_language": language,
            "currency": currency,
            "permissions": {name: person.pop(name) for name in _PERMISSIONS},
            "segments": person if person.pop("user_id") else {},
            "offers": offers,
            "refusals": refusals,
            "nearest": refusals[0]["promotion_id"] if refusals else None,
            "over": over,
            "recommendations": recommendations,
            "prices": self._rows(_PRICES, user=self._key, products=wanted) if wanted else [],
            "product": None if product_id is None else self._product(product_id),
            "scores": scores,
            "note": note,
            "data_used": self._rows(_DATA, user=self._key),
        }
        told["models"] = _models(model_hashes(self._connection), scores, told["build"])
        return dict(_plain(told))

    def _rows(self, query: str, **values: Any) -> list[Row]:
        from promo_cli.warehouse_reader import records

        return records(self._connection, query, values)

    def _person(self) -> Row:
        from promo_cli.errors import shown

        found = self._rows(_USER, user=self._key)
        if not found:
            raise PromoError(
                f"user {shown(self._shown)} is not known to the last build: never seen, erased, or new since then", DATA_FAULT
            )
        return found[0]

    def _build(self) -> Row | None:
        found = self._rows(_BUILD)
        return found[0] if found else None

    def _language(self, language: str) -> str:
        known = [name for (name,) in self._connection.execute("select distinct language from promotions.reason_words").fetchall()]
        return language if language in known else FALLBACK

    def _read_settings(self) -> dict[str, str]:
        """The shop's currency and time zone."""
        return dict(self._connection.execute("select setting, value from promotions.shop_settings").fetchall())

    def _offers(self, language: str) -> list[Row]:
        offers = self._rows(_OFFERS, user=self._key, timezone=self._timezone)
        reasons = self._rows(_OFFER_REASONS, user=self._key, language=language) if offers else []
        for offer in offers:
            offer["reasons"] = [
                {name: value for name, value in reason.items() if name != "offer_id"}
                for reason in reasons
                if reason["offer_id"] == offer["offer_id"]
            ]
        return offers

    def _refusals(self, language: str, currency: str | None) -> list[Row]:
        """One row a promotion, nearest first, each with all its codes."""
        phrases = {(row["code"], row["about"]): row for row in self._rows("select * from policies.refusal_phrases")}
        promotions: dict[str, Row] = {}
        for row in self._rows(_REFUSALS, user=self._key):
            promotion = promotions.setdefault(
                row["promotion_id"],
                {name: row[name] for name in _PROMOTION} | {"refusals": []},
            )
            said, change = phrases.get((row["code"], "refusal"), {}), phrases.get((row["change_code"], "change"), {})
            phrase = change.get(language) or change.get(FALLBACK)
            promotion["refusals"].append(
                {
                    "code": row["code"],
                    "sentence": said.get(language) or row["sentence"],
                    "decided_by": row["decided_by"],
                    "what_would_change": told_refusal(phrase, row, currency) if phrase else None,
                }
                | {name: row[name] for name in _CHANGE}
            )
        return list(promotions.values())

    def _narrowed(
        self, offer: str, offers: list[Row], refusals: list[Row], over: list[Row]
    ) -> tuple[list[Row], list[Row], list[Row]]:
        from promo_cli.connectors.near_match import did_you_mean
        from promo_cli.errors import shown

        made = [found for found in offers if offer in (found["offer_id"], found["promotion_id"])]
        refused = [found for found in refusals if found["promotion_id"] == offer]
        ended = [found for found in over if found["promotion_id"] == offer]
        if made or refused or ended:
            return made, refused, ended
        if self._connection.execute("select 1 from promotions.offers where offer_id = $1 limit 1", [offer]).fetchall():
            raise PromoError(f"offer {shown(offer)} is over, or another user's; what is open: {_listed(offers)}", DATA_FAULT)
        near = did_you_mean(offer, (shown(found["promotion_id"]) for found in [*offers, *refusals]))
        raise PromoError(
            f"offer {shown(offer)} is not known{near}: name an offer_id on record or a promotion_id; open are: {_listed(offers)}",
            DATA_FAULT,
        )

    def _product_id(self, product: str) -> str:
        from promo_cli.errors import shown

        found = self._connection.execute(
            "select product_id, product_id = $1 as by_id from staging.stg_products "
            "where product_id = $1 or lower(product_name) = lower($1) order by by_id desc, product_id limit 2",
            [product],
        ).fetchall()
        if found and (found[0][1] or len(found) == 1):
            return str(found[0][0])
        if found:
            raise PromoError(f"several products are called {shown(product)}; name one by its product_id", DATA_FAULT)
        near = self._connection.execute(
            "select product_id, product_name from staging.stg_products "
            "order by greatest(jaro_winkler_similarity(product_id, $1), jaro_winkler_similarity(lower(product_name), lower($1))) "
            "desc nulls last, product_id limit 3",
            [product],
        ).fetchall()
        names = ", ".join(f"{shown(key)}{f' ({shown(name)})' if name else ''}" for key, name in near)
        raise PromoError(f"product {shown(product)} is not known{f'; nearest are: {names}' if names else ''}", DATA_FAULT)

    def _product(self, product_id: str) -> Row:
        """A product for this user: is it one that was considered, what does it cost everybody, may it be promoted at all."""
        (found,) = self._rows(
            """
            select
                products.product_id, products.product_name, products.category, products.is_active,
                policy.is_promotable, market.market_price, coalesce(market.list_price, products.list_price) as list_price,
                exists(
                    select 1 from promotions.considered_products as considered
                    where considered.user_id = $user and considered.product_id = $product
                ) as is_considered
            from staging.stg_products as products
            left join features.product_policy as policy on products.product_id = policy.product_id
            left join promotions.market_prices as market on products.product_id = market.product_id
            where products.product_id = $product
            """,
            user=self._key,
            product=product_id,
        )
        return found

    def _scores(self, language: str, currency: str | None, product_id: str | None) -> tuple[list[Row], str | None]:
        """The user's scores with all their reasons; with a product those of the pair, told on demand where they are not kept."""
        rows = self._rows(_REASONS, user=self._key)
        note = None
        if product_id is not None:
            for score in ("interest", "promo_effect"):
                if not any(row["score_name"] == score and row["item_id"] == product_id for row in rows):
                    from promo_cli.reasons_on_demand import reasons_now

                    told, why_not = reasons_now(self._connection, score, self._key, product_id)
                    rows += told
                    note = note or why_not
            rows = [row for row in rows if row["item_id"] in ("", product_id)]
        words = {(score, feature, direction): phrase for score, feature, direction, phrase in self._words(language)}
        scores: dict[tuple[str, str], Row] = {}
        for row in rows:
            found = scores.setdefault(
                (row["score_name"], row["item_id"]),
                {
                    "score": row["score_name"],
                    "item_id": row["item_id"] or None,
                    "value": row["score"],
                    "scale": row["scale"],
                    "base_value": row["base_value"],
                    "method": row["method"],
                    "model_name": row["model_name"],
                    "model_version": row["model_version"],
                    "reasons": [],
                },
            )
            unknown = "_unknown" if row["feature_value"] is None else ""
            phrase = words.get((row["score_name"], row["feature"], row["direction"] + unknown))
            found["reasons"].append(
                {
                    "feature": row["feature"],
                    "value": row["feature_value"],
                    "contribution": row["contribution"],
                    "direction": row["direction"],
                    "sentence": None if phrase is None else told_reason(phrase, row["feature_value"], currency),
                }
            )
        return list(scores.values()), note

    def _words(self, language: str) -> list[tuple[str, str, str, str]]:
        return self._connection.execute(_WORDS, {"language": language}).fetchall()


_PERMISSIONS = ("personalisation_consent", "marketing_consent", "ads_consent", "is_holdout")
_PROMOTION = ("promotion_id", "promotion_name", "kind", "campaign_id", "product_id", "face_value")
_CHANGE = ("brought_by", "change_code", "unit", "standing", "has_to_be", "lacks", "changes_on")


def _models(hashes: dict[tuple[str, str], str], scores: list[Row], build: Row | None) -> list[Row]:
    """The models behind the scores told, and all others of the build; no SHA-256 where the registry has the version no more."""
    used = {(score["model_name"], score["model_version"]) for score in scores}
    built = {tuple(model.rsplit(" ", 1)) for model in (build or {}).get("models") or []}
    return [
        {
            "model_name": name,
            "model_version": version,
            "sha256": hashes.get((name, version)),
            "is_told": (name, version) in used,
        }
        for name, version in sorted(used | built)
    ]


def count_codes(refusals: list[Row]) -> list[tuple[str, int]]:
    """Codes by the number of promotions they keep from the user, most first."""
    counted = Counter(code for promotion in refusals for code in {refusal["code"] for refusal in promotion["refusals"]})
    return sorted(counted.items(), key=lambda found: (-found[1], found[0]))


def _listed(offers: list[Row]) -> str:
    from promo_cli.connectors.near_match import listed

    return listed((offer["promotion_id"] for offer in offers), most=8) or "none"


def _plain(value: Any) -> Any:
    """A value as JSON has it: numbers as numbers, times in ISO 8601."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value

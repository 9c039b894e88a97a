"""An explanation in short sentences that a customer-service agent reads aloud, in English or Chinese."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from promo_cli.explanation import count_codes
from promo_cli.phrases import told_money, told_number

Row = dict[str, Any]

MOST_REFUSALS = 5
"""Refused promotions told in full; --json has all."""

_FRAMES = {
    "en": {
        "head": "User {user}, as of {day}.",
        "build": "Build {build}, policies {policies}.",
        "segments": "The user is {segments}.",
        "no_segments": "Nothing is known of the user's habits.",
        "no_personalisation": "The user refused personalisation: market prices hold, best sellers are shown, no score is kept.",
        "no_marketing": "The user has not agreed to marketing, so no offers are sent.",
        "holdout": "The user is in the control group that gets no promotions.",
        "offers": "Offers ({count})",
        "no_offers": "No offer is open.",
        "offer": "{name} ({id}): worth {worth}{on}{minimum}, until {until}.",
        "on": " on {product}",
        "minimum": " from {minimum} on",
        "because": "Chance of use {chance} %. The strongest reasons:",
        "of_category": "Chance of use {chance} %, that of buying from {category} within two weeks. The strongest reasons:",
        "refusals": "Not offered ({count})",
        "nearest": ", nearest first",
        "refusal": "{name} ({id}):",
        "change": "It would be otherwise if: {change}",
        "more": "And {count} more promotions (all of them: --json), by what keeps them from the user:",
        "over": "{name} ({id}) is over; its last day was {day}.",
        "overs": "{count} more are over.",
        "prices": "Prices",
        "price": "{product}: {price}; without the person {twin}; list price {list}.",
        "market_price": "{product}: {price}, the price for everybody; list price {list}.",
        "prior": "The reduction is {percent} % on {prior}, the lowest price before it.",
        "disclosure": "To be said beside it: {disclosure}",
        "guardrail": "What held it: {guardrail}.",
        "never_considered": "{product}: no personal price was computed, for the user is not known to be interested in it. "
        "The market price {price} holds. It would be otherwise if the user bought it, looked at it, or bought what goes with it.",
        "not_promotable": "{product}: there is no price to tell, for the policy keeps its category from promotions, or "
        "the product is not active, or it has no price.",
        "recommendations": "Recommended",
        "recommendation": "{rank}. {product}: {reason}",
        "scores": "Scores",
        "score": "{score}{item}: {value} %. Told by {model} {version}, {method}.",
        "difference": "{score}{item}: {value} points of percent. Told by {model} {version}, {method}.",
        "values": "What the model read:",
        "data": "Data used",
        "datum": "{table}: {count}{last}",
        "last": ", last on {day}",
        "no_data": "No data of the user were used.",
        "of": ", {item}",
        "purchase_intent": "Chance of buying within a week",
        "interest": "Chance of buying within four weeks",
        "category_interest": "Chance of buying from the category within two weeks",
        "coupon_redemption": "Chance of using the coupon",
        "churn_risk": "Risk of staying away for four weeks",
        "promo_effect": "What a promotion adds to the chance of buying",
        "exact": "exactly",
        "rescaled": "exactly, brought to probabilities in proportion",
        "occlusion": "by leaving out one input after another",
        "approximate": "approximately",
        "LIST_PRICE": "no price lies above the list price",
        "PRIOR_PRICE": "a cut that is not below the lowest price before it is not made",
        "RESPONSE": "a deeper cut does not pay",
        "MARGIN_FLOOR": "the margin that has to be left",
        "MAX_DISCOUNT": "the deepest discount allowed",
        "MAX_STEP": "the largest step from yesterday's price",
        "join": ", ",
    },
    "zh": {
        "head": "用户 {user}，截至 {day}。",
        "build": "构建 {build}，策略版本 {policies}。",
        "segments": "用户类别：{segments}。",
        "no_segments": "对该用户的习惯一无所知。",
        "no_personalisation": "该用户拒绝个性化：适用市场价，显示畅销商品，不保存评分。",
        "no_marketing": "该用户没有同意接收营销信息，因此不发送优惠。",
        "holdout": "该用户在不参与促销的对照组中。",
        "offers": "优惠（{count}）",
        "no_offers": "没有有效的优惠。",
        "offer": "{name}（{id}）：价值 {worth}{on}{minimum}，有效期至 {until}。",
        "on": "，用于 {product}",
        "minimum": "，满 {minimum} 可用",
        "because": "使用可能性 {chance}%。主要原因：",
        "of_category": "使用可能性 {chance}%，即两周内购买品类 {category} 的可能性。主要原因：",
        "refusals": "未给出的促销（{count}）",
        "nearest": "，最接近的在前",
        "refusal": "{name}（{id}）：",
        "change": "以下情况会有所不同：{change}",
        "more": "另有 {count} 个促销（全部内容：--json），原因如下：",
        "over": "{name}（{id}）已结束，最后一天是 {day}。",
        "overs": "另有 {count} 个已结束。",
        "prices": "价格",
        "price": "{product}：{price}；非个性化价格 {twin}；标价 {list}。",
        "market_price": "{product}：{price}，对所有人相同；标价 {list}。",
        "prior": "降价幅度为 {percent}%，相对此前最低价 {prior}。",
        "disclosure": "须同时告知：{disclosure}",
        "guardrail": "限制因素：{guardrail}。",
        "never_considered": "{product}：没有计算个性化价格，因为该商品不在用户可能感兴趣的商品之中。适用市场价 {price}。"
        "若用户购买或浏览它，或购买相关商品，就会纳入。",
        "not_promotable": "{product}：不参与促销；策略排除其品类，或商品已停售，或没有价格。",
        "recommendations": "推荐",
        "recommendation": "{rank}. {product}：{reason}",
        "scores": "评分",
        "score": "{score}{item}：{value}%。模型 {model} {version}，{method}。",
        "difference": "{score}{item}：{value} 个百分点。模型 {model} {version}，{method}。",
        "values": "模型读取的数据：",
        "data": "使用的数据",
        "datum": "{table}：{count}{last}",
        "last": "，最近 {day}",
        "no_data": "没有使用该用户的数据。",
        "of": "（{item}）",
        "purchase_intent": "一周内购买的可能性",
        "interest": "四周内购买的可能性",
        "category_interest": "两周内购买该品类的可能性",
        "coupon_redemption": "使用该券的可能性",
        "churn_risk": "四周内不再购买的风险",
        "promo_effect": "促销增加的购买可能性",
        "exact": "精确计算",
        "rescaled": "精确计算后按比例换算为概率",
        "occlusion": "逐一去除输入计算",
        "approximate": "近似计算",
        "LIST_PRICE": "价格不高于标价",
        "PRIOR_PRICE": "不低于此前最低价的降价不予采用",
        "RESPONSE": "更大的降价不划算",
        "MARGIN_FLOOR": "必须保留的毛利",
        "MAX_DISCOUNT": "允许的最大折扣",
        "MAX_STEP": "相对昨日价格的最大变动",
        "join": "、",
        "ranked": "在对该用户开放的促销中排名第 {rank}，预期毛利 {margin}。",
        "computed": "标价 {list}，市场价 {market}；{formula}；价格 {price}。",
        "by_interest": "兴趣为该用户最高值的 {share}%，公式得出 {formula}",
        "without_interest": "对用户的喜好一无所知，因此适用市场价",
        "refused": "用户拒绝个性化，因此适用市场价",
        "best_seller": "店内畅销商品。",
        "popular": "店内畅销商品。",
        "newcomers": "受新用户欢迎：约 {share}% 在最近四周购买过。",
        "new_product": "新品，与用户感兴趣的商品相似。",
        "buy_again": "用户买过它，可能再次购买。",
        "browsed": "用户看过它，还没有购买。",
        "bought_together": "常与用户购买或浏览的商品一起购买。",
        "category": "在用户购买的品类中受其他用户欢迎。",
    },
}
"""What the English tells in sentences of the relations themselves (`reason`), the Chinese makes of their columns."""


def tell(told: Row, narrow: bool) -> str:
    """`explain_user`'s findings as text; `narrow` when a product or an offer was asked for, of which more is told."""
    return "\n".join(_Teller(told, narrow).lines())


class _Teller:
    def __init__(self, told: Row, narrow: bool) -> None:
        self._told = told
        self._narrow = narrow
        # Phrases come from the seeds in any language; the frame around them is in one of these.
        self._frames = _FRAMES.get(told["language"], _FRAMES["en"])
        self._names = {
            found["product_id"]: found["product_name"]
            for found in [*told["prices"], *told["recommendations"], *filter(None, [told["product"]])]
        }

    def lines(self) -> Iterator[str]:
        told = self._told
        yield from self._head()
        if told["product"] is None:
            yield from self._offers()
            yield from self._refusals()
        yield from self._prices()
        yield from self._recommendations()
        yield from self._scores()
        yield from self._data()
        if told["note"]:
            yield f"\n{told['note']}"

    def _say(self, frame: str, **values: Any) -> str:
        return self._frames[frame].format(**values)

    def _sentence(self, row: Row, frame: str, **values: Any) -> str:
        """The row's own sentence, which is English, unless there is a frame to say it in another language."""
        return self._say(frame, **values) if frame in self._frames else str(row["reason"])

    def _money(self, amount: float | None) -> str:
        return told_money(amount, self._told["currency"])

    def _day(self, text: str | None) -> str:
        if text is None:
            return "?"
        day = date.fromisoformat(text[:10])
        if self._frames is _FRAMES["zh"]:
            return f"{day.year} 年 {day.month} 月 {day.day} 日"
        return f"{day.day} {day:%B} {day.year}"

    def _product(self, product_id: str) -> str:
        name = self._names.get(product_id)
        return f"{name} ({product_id})" if name else product_id

    def _head(self) -> Iterator[str]:
        told = self._told
        head = [self._say("head", user=told["user_id"], day=self._day(told["as_of_date"]))]
        if told["build"]:
            policies = (told["build"]["policy_version"] or "?")[:8]
            head.append(self._say("build", build=told["build"]["build_id"][:8], policies=policies))
        yield " ".join(head)
        permissions = told["permissions"]
        if not permissions["personalisation_consent"]:
            yield self._say("no_personalisation")
        else:
            segments = [name.replace("_", " ") for name in told["segments"].values() if name]
            yield self._say("segments", segments=self._frames["join"].join(segments)) if segments else self._say("no_segments")
        if not permissions["marketing_consent"]:
            yield self._say("no_marketing")
        if permissions["is_holdout"]:
            yield self._say("holdout")

    def _offers(self) -> Iterator[str]:
        offers = self._told["offers"]
        if not offers:
            if not self._told["refusals"] or not self._narrow:
                yield f"\n{self._say('no_offers')}"
            return
        yield f"\n{self._say('offers', count=len(offers))}"
        for offer in offers:
            yield "  " + self._say(
                "offer",
                name=offer["promotion_name"],
                id=offer["promotion_id"],
                worth=self._money(offer["face_value"]),
                on=self._say("on", product=self._product(offer["product_id"])) if offer["product_id"] else "",
                minimum=self._say("minimum", minimum=self._money(offer["min_spend"])) if offer["min_spend"] else "",
                until=self._day(offer["last_day"]),
            )
            if offer["reasons"]:
                why = offer["reasons"][0]
                frame = "of_category" if why["score_name"] == "category_interest" else "because"
                yield "    " + self._say(frame, chance=_percent(offer["chance_of_use"]), category=why["item_id"])
                yield from (f"    {_sign(reason)} {reason['reason']}" for reason in offer["reasons"])
            else:
                margin = self._money(offer["expected_margin"])
                yield "    " + self._sentence(offer, "ranked", rank=offer["user_rank"], margin=margin)

    def _refusals(self) -> Iterator[str]:
        refusals, over = self._told["refusals"], self._told["over"]
        if refusals:
            nearest = self._say("nearest") if len(refusals) > 1 else ""
            yield f"\n{self._say('refusals', count=len(refusals))}{nearest}"
        for promotion in refusals[:MOST_REFUSALS]:
            yield "  " + self._say("refusal", name=promotion["promotion_name"], id=promotion["promotion_id"])
            for refusal in promotion["refusals"]:
                yield f"    - {refusal['sentence']}"
                if refusal["what_would_change"]:
                    yield "      " + self._say("change", change=refusal["what_would_change"])
        if rest := refusals[MOST_REFUSALS:]:
            sentences = {refusal["code"]: refusal["sentence"] for promotion in rest for refusal in promotion["refusals"]}
            yield "  " + self._say("more", count=f"{len(rest):,}")
            yield from (f"    {count:>4,} {sentences[code]}" for code, count in count_codes(rest)[:6])
        if self._narrow:
            for promotion in over:
                day = self._day(promotion["last_day"])
                yield "  " + self._say("over", name=promotion["promotion_name"], id=promotion["promotion_id"], day=day)
        elif over:
            yield "  " + self._say("overs", count=f"{len(over):,}")

    def _prices(self) -> Iterator[str]:
        prices, product = self._told["prices"], self._told["product"]
        if not prices and product is None:
            return
        yield f"\n{self._say('prices')}"
        for price in prices:
            yield "  " + self._say(
                "price" if price["is_personalised"] else "market_price",
                product=self._product(price["product_id"]),
                price=self._money(price["personal_price"]),
                twin=self._money(price["non_personal_price"]),
                list=self._money(price["list_price"]),
            )
            if price["announced_discount_percent"]:
                prior = self._money(price["prior_price"])
                yield "    " + self._say("prior", percent=price["announced_discount_percent"], prior=prior)
            if price["binding_guardrail"]:
                yield "    " + self._say("guardrail", guardrail=self._frames[price["binding_guardrail"]])
            if price["disclosure"]:
                yield "    " + self._say("disclosure", disclosure=price["disclosure"])
            if self._narrow:
                yield f"    {self._computed(price)}"
        if product is not None and not prices:
            market = product["market_price"]
            frame = "not_promotable" if market is None else "never_considered"
            yield "  " + self._say(frame, product=self._product(product["product_id"]), price=self._money(market))

    def _computed(self, price: Row) -> str:
        formula = "by_interest"
        if not self._told["permissions"]["personalisation_consent"]:
            formula = "refused"
        elif price["relative_interest"] is None:
            formula = "without_interest"
        amounts = {"list": "list_price", "market": "market_price", "price": "personal_price"}
        return self._sentence(
            price,
            "computed",
            formula=self._sentence(
                price, formula, share=_percent(price["relative_interest"]), formula=self._money(price["formula_price"])
            ),
            **{name: self._money(price[column]) for name, column in amounts.items()},
        )

    def _recommendations(self) -> Iterator[str]:
        if self._told["recommendations"]:
            yield f"\n{self._say('recommendations')}"
        for found in self._told["recommendations"]:
            product = self._product(found["product_id"])
            reason = self._sentence(found, found["recommendation_source"], share=_percent(found["interest"]))
            yield "  " + self._say("recommendation", rank=found["recommendation_rank"], product=product, reason=reason)

    def _scores(self) -> Iterator[str]:
        product = self._told["product"]
        # the scores behind offers stand with them
        scores = [score for score in self._told["scores"] if score["item_id"] is None or product is not None]
        if scores:
            yield f"\n{self._say('scores')}"
        for score in scores:
            yield "  " + self._say(
                "difference" if score["scale"] == "difference" else "score",
                score=self._frames[score["score"]],
                item=self._say("of", item=self._product(score["item_id"])) if score["item_id"] else "",
                value=_percent(score["value"]),
                model=score["model_name"],
                version=score["model_version"],
                method=self._frames[score["method"]],
            )
            yield from (f"    {_sign(reason)} {reason['sentence']}" for reason in score["reasons"][:3])
            if score["item_id"] is not None:
                read = sorted(score["reasons"], key=lambda reason: str(reason["feature"]))
                values = self._frames["join"].join(
                    f"{reason['feature']} {told_number(reason['value'])}" for reason in read if reason["value"] is not None
                )
                yield f"    {self._say('values')} {values}"

    def _data(self) -> Iterator[str]:
        data = self._told["data_used"]
        yield f"\n{self._say('data')}"
        if not data:
            yield f"  {self._say('no_data')}"
        for found in data:
            last = self._say("last", day=self._day(found["last_on"])) if found["last_on"] else ""
            yield "  " + self._say(
                "datum", table=found["table_name"].replace("_", " "), count=f"{found['row_count']:,}", last=last
            )


def _percent(share: float | None) -> str:
    return told_number(None if share is None else 100 * share)


def _sign(reason: Row) -> str:
    return "+" if reason["direction"] == "up" else "-"

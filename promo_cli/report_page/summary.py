"""The opening: what the figures amount to, in sentences."""

from markupsafe import Markup

from promo_cli.report_page.telling import Teller


def sentences(teller: Teller) -> list[Markup]:
    """Paragraphs of the summary."""
    (found,) = teller.figures["summary"]
    say, numbers = teller.words.prose, teller.numbers
    if found["people"] is not None:
        sending = say(
            "summary.offers",
            people=numbers.count(found["people"]),
            known_people=numbers.count(found["known_people"]),
            share=numbers.share(found["share_of_people"]),
            offers=numbers.count(found["offers"]),
            reserved=numbers.money(found["reserved"]),
            uses=numbers.count(found["expected_uses"]),
            margin=numbers.money(found["expected_margin"]),
        )
    else:
        sending = say("summary.few_offers" if found["has_offers"] else "summary.no_offers")
    campaigns = [
        say(
            "summary.campaigns",
            campaigns=numbers.count(found["campaigns"]),
            paying=numbers.count(found["campaigns_paying"]),
            not_paying=numbers.count(found["campaigns_not_paying"]),
        )
    ]
    if found["best_campaign"] is not None:
        campaigns.append(
            say("summary.best", campaign=found["best_campaign"], margin=numbers.money(found["best_incremental_margin"]))
        )
    if found["worst_campaign"] is not None:
        campaigns.append(
            say("summary.worst", campaign=found["worst_campaign"], loss=numbers.money(-found["worst_incremental_margin"]))
        )
    prices = []
    if found["prices"] is not None:
        prices.append(
            say(
                "summary.prices",
                prices=numbers.count(found["prices"]),
                personalised=numbers.share(found["personalised_share"] or 0),
                guarded=numbers.share(found["guarded_share"] or 0),
                guardrail=teller.words.label("guardrail", found["commonest_guardrail"] or "none"),
            )
        )
    rules = numbers.count(found["rules"])
    broken = numbers.count(found["rules_broken"])
    audits = [
        say("summary.compliance_broken", rules=rules, broken=broken)
        if found["rules_broken"]
        else say("summary.compliance_kept", rules=rules),
        say(
            "summary.fairness",
            judged=numbers.count(found["judged"]),
            violated=numbers.count(found["violated"]),
            suspected=numbers.count(found["suspected"]),
        ),
    ]
    data = say(
        "summary.data",
        rejected=numbers.count(found["rows_rejected"] or 0),
        rows=numbers.count(found["rows_in"] or 0),
        drifting=numbers.count(found["drifting"]),
        inputs=numbers.count(found["inputs"]),
    )
    gap = Markup("") if teller.words.language == "zh" else Markup(" ")
    return [sending, gap.join(campaigns), *prices, gap.join([*audits, data])]


def key_figures(teller: Teller) -> list[tuple[str, str]]:
    """The largest figures, each with its words."""
    (found,) = teller.figures["summary"]
    say, numbers = teller.words.say, teller.numbers
    hidden = say("page.not_shown") if found["has_offers"] else numbers.count(0)
    shown = found["people"] is not None
    return [
        (numbers.count(found["offers"]) if shown else hidden, say("summary.key_offers")),
        (numbers.count(found["people"]) if shown else hidden, say("summary.key_people")),
        (numbers.money(found["expected_margin"]) if shown else hidden, say("summary.key_margin")),
        (numbers.money(found["reserved"]) if shown else hidden, say("summary.key_reserved")),
        (
            say(
                "summary.paying_of",
                paying=numbers.count(found["campaigns_paying"]),
                campaigns=numbers.count(found["campaigns"]),
            ),
            say("summary.key_paying"),
        ),
    ]

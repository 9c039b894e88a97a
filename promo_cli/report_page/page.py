"""The page as one HTML text: figures in, nothing from outside the database but the chart library's script."""

import base64
import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promo_cli.errors import ENVIRONMENT_FAULT, PromoError
from promo_cli.report_page.read import Rows, query, relations_of

if TYPE_CHECKING:
    from promo_cli.report_page.blocks import Plot

GENERATOR = '<meta name="generator" content="promo report">'
"""By this a report is known as one of ours."""

VEGA_LITE = "v6.4"
_LIBRARY = "window.vegaEmbed = vegaEmbed;"


def refuse_without_extra() -> None:
    """Raises PromoError (exit code 3) when what the page is made with is not installed."""
    lacking = [name for name in ("babel", "jinja2", "vl_convert") if find_spec(name) is None]
    if lacking:
        needed = ", ".join(lacking)
        raise PromoError(f"the report needs {needed}, not installed here: pip install 'offerhouse[report]'", ENVIRONMENT_FAULT)


def page(figures: dict[str, Rows], language: str, tool: str) -> str:
    """The page for the rows of every query. `tool` names what wrote it, e.g. promo 0.1.0.

    The same figures give the same page.
    """
    import jinja2
    import vl_convert
    from markupsafe import Markup

    from promo_cli.report_page import summary
    from promo_cli.report_page.compliance import compliance
    from promo_cli.report_page.coupons import coupons
    from promo_cli.report_page.data_health import data_health, left_out
    from promo_cli.report_page.fairness import fairness
    from promo_cli.report_page.model_cards import models
    from promo_cli.report_page.numbers import Numbers
    from promo_cli.report_page.prices import prices
    from promo_cli.report_page.segments import segments
    from promo_cli.report_page.sending import sending
    from promo_cli.report_page.telling import Teller
    from promo_cli.report_page.words import Words

    library = _library()
    (shop,) = figures["shop"]
    words = Words(language)
    numbers = Numbers(language, shop["currency"], shop["shop_timezone"])
    teller = Teller(words, numbers, figures, shop["min_people"])
    parts = (sending, segments, prices, coupons, models, fairness, compliance, data_health)
    sections = [part(teller) for part in parts]
    specs: list[dict[str, Any]] = []

    def chart_number(plot: "Plot") -> int:
        """Compiles the chart where it stands; all of them stand as data at the page's end."""
        specs.append(vl_convert.vegalite_to_vega(plot.spec, vl_version=VEGA_LITE))
        return len(specs) - 1

    style, script = _text("look.css"), _text("look.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    as_of = words.say("page.as_of", day=numbers.day(shop["as_of_date"]))
    return environment.from_string(_text("page.html")).render(
        words=words,
        title=f"{words.say('page.title')} · {as_of}",
        as_of=as_of,
        origin=words.say(
            "page.origin",
            build=(shop["build_id"] or "")[:8],
            published=numbers.moment(shop["published_at"]),
            currency=shop["currency"] or words.say("page.no_currency"),
            tool=tool,
        ),
        privacy=words.say("page.privacy", count=shop["min_people"]),
        key_figures=summary.key_figures(teller),
        sentences=summary.sentences(teller),
        sections=sections,
        left_out=left_out(teller),
        query=query,
        relations_of=relations_of,
        chart_number=chart_number,
        charts=lambda: Markup(_as_script_data(specs)),  # noqa: S704, no < is left in it
        policy=_policy(style, library, script),
        style=Markup(style),  # noqa: S704, our own file
        library=Markup(library),  # noqa: S704, the library's
        script=Markup(script),  # noqa: S704, our own file
    )


@cache
def _library() -> str:
    """Vega with its embedding, one script; a second or two to put together."""
    import vl_convert

    script: str = vl_convert.javascript_bundle(_LIBRARY, vl_version=VEGA_LITE)
    return script


def _as_script_data(value: Any) -> str:
    """JSON that stands in a script element: nothing in it can end the element, or begin another."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _policy(style: str, *scripts: str) -> str:
    """What the page may do: its own style and scripts, known by their hashes, and nothing else; no network, no eval."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")

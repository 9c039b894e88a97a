"""`promo trace`: where an offer comes from, from the build that decided it to the shop's rows behind it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promo_cli.completion import offers
from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path

if TYPE_CHECKING:
    import duckdb

Trace = dict[str, Any]
"""A row of audits.offer_lineage with its JSON read, and the models of its scores with the SHA-256 of their files."""

_OBJECTS = ("terms", "verdict", "price", "place", "scores", "features", "source_rows")
_KEYS = {"user_id": "user_id", "product_id": "product_id", "coupon_id": "promotion_id"}
_KEPT_BY = {"user_id": "the user", "product_id": "the product"}
_WIDTH = 128


def trace(
    offer: Annotated[
        str, typer.Argument(metavar="OFFER", help="An offer_id of promotions.offers, of any day.", autocompletion=offers)
    ],
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell where an offer comes from: build, policies, models, verdict, price, allocation, feature values, source rows.

    It tells what was kept when the offer was decided (audits.offer_lineage), whatever has changed since. A policy value,
    offer_inputs_days, says for how long it is kept.
    """
    from promo_cli.warehouse_reader import tell_if_unpublished

    found = find_trace(database_path(database), offer)
    tell_if_unpublished(database_path(database), quiet)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else described(found))


def find_trace(database: Path, offer_id: str) -> Trace:
    """The newest decision behind `offer_id`, fit for JSON.

    Raises PromoError when there is no built database, no such offer, or what decided it is no longer on record (exit code
    1), and when the database can't be opened (exit code 3).
    """
    from promo_cli.errors import DATA_FAULT, PromoError, storable
    from promo_cli.warehouse_reader import open_read_only, readable_database, records, relations

    offer_id = storable(offer_id)
    path = readable_database(database)
    with open_read_only(path) as connection:
        if ("audits", "offer_lineage") not in relations(connection):
            raise PromoError(f"{path} is not built yet, it holds no audits.offer_lineage; run promo build", DATA_FAULT)
        rows = records(
            connection, "select * from audits.offer_lineage where offer_id = $1 order by recorded_at desc limit 1", [offer_id]
        )
        if not rows:
            raise _not_on_record(connection, offer_id)
        found = rows[0]
        for name in _OBJECTS:
            found[name] = None if found[name] is None else json.loads(found[name])
        for name, value in found.items():
            if hasattr(value, "isoformat"):
                found[name] = value.isoformat()
        found["models"] = _models(connection, found["scores"])
    return found


def _models(connection: "duckdb.DuckDBPyConnection", scores: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, version and SHA-256 of the file (null: no longer registered) of each model behind the scores."""
    from promo_cli.provenance import model_hashes

    hashes = model_hashes(connection)
    return [
        {"model_name": name, "model_version": version, "sha256": hashes.get((name, version))}
        for name, version in sorted({(score["model_name"], score["model_version"]) for score in scores.values()})
    ]


def _not_on_record(connection: "duckdb.DuckDBPyConnection", offer_id: str) -> Exception:
    from promo_cli.errors import DATA_FAULT, PromoError, shown

    made = connection.execute("select as_of_date from promotions.offers where offer_id = $1", [offer_id]).fetchall()
    if made:
        kept = "select value from policies.policy_values where name = 'offer_inputs_days'"
        days = connection.execute(kept).fetchall()[0][0]
        return PromoError(
            f"offer {shown(offer_id)} was made on {made[0][0]}, but what decided it is no longer on record: the policy's "
            f"offer_inputs_days keeps it for {days:,.0f} days",
            DATA_FAULT,
        )
    nearest = connection.execute(
        """
        select offer_id
        from (select offer_id from promotions.offers union select offer_id from audits.offer_inputs)
        order by levenshtein(offer_id, $1), offer_id
        limit 3
        """,
        [offer_id[:100]],
    ).fetchall()
    near = f"; nearest: {', '.join(shown(other) for (other,) in nearest)}" if nearest else "; no offer has been made yet"
    return PromoError(f"offer {shown(offer_id)} is not known{near}", DATA_FAULT)


def described(found: Trace) -> str:
    """The trace for people."""
    from promo_cli.errors import printable
    from promo_cli.tables import columns, facts

    terms, verdict, place = found["terms"], found["verdict"] or {}, found["place"] or {}
    product = "" if found["product_id"] is None else f", on product {found['product_id']}"
    told = [
        ("status", _STATUS[found["status"]]),
        ("build", _build(found)),
        ("policies", found["policy_version"] or "not known: the build did not come to its end"),
        ("eligibility", f"eligible, by a chance of use of {_number(verdict.get('redemption_score'))}"),
        ("worth", f"{_number(terms['face_value'])} to the user, {_number(verdict.get('cost'))} to the shop"),
        (
            "allocation",
            f"place {place.get('user_rank')} of the user's, by {place.get('strategy')}; budget left "
            f"{'without bound' if place.get('budget_left') is None else _number(place['budget_left'])}",
        ),
        ("why", terms["reason"]),
    ]
    if verdict.get("feedback_weight", 1) != 1:
        told.append(("feedback", f"counts × {_number(verdict['feedback_weight'])}"))
    if found["price"]:
        told.append(("price", found["price"]["reason"]))
    lines = [
        f"{terms['promotion_name']} ({found['promotion_id']}): offer {found['offer_id']} to user {found['user_id']}{product}, "
        f"decided for {found['as_of_date']}",
        facts(told),
        "",
        columns(
            ["score", "value", "model", "version", "SHA-256 of its file"],
            [[name, _number(score["score"]), *_model(found, score)] for name, score in found["scores"].items()],
        ),
        "",
        columns(
            ["rows of", "where", "number", "from", "to"],
            [
                [
                    source["table_name"],
                    _KEPT_BY.get(source["key_column"]) or f"{source['key_column']} = {found[_KEYS[source['key_column']]]}",
                    f"{source['row_count']:,}",
                    source["first_on"] or "",
                    source["last_on"] or "",
                ]
                for source in found["source_rows"]
            ],
        ),
        "",
        *(_values(name, values) for name, values in found["features"].items()),
    ]
    return "\n".join(printable(line) for text in lines for line in text.split("\n"))


_STATUS = {
    "on record": "on record as decided",
    "replaced": "a later build of the day decided it anew",
    "withdrawn": "a later build of the day did not make it",
}


def _build(found: Trace) -> str:
    if found["build_started_at"] is None:
        return f"{found['build_id']}, which is no longer on record"
    return f"{found['build_id']}, {found['build_outcome']}, begun {found['build_started_at'][:19]} UTC"


def _model(found: Trace, score: dict[str, Any]) -> list[str]:
    own = {name: score[name] for name in ("model_name", "model_version")}
    sha256 = next((model["sha256"] for model in found["models"] if own.items() <= model.items()), None)
    return [*own.values(), sha256 or "no longer registered"]


def _values(name: str, values: Any) -> str:
    """Feature values of one model, as many a line as fit."""
    import textwrap

    from promo_cli.tables import terminal_width

    pairs = values if isinstance(values, list) else [f"{feature}={_number(value)}" for feature, value in values.items()]
    text = " ".join(str(pair) for pair in pairs)
    width = min(_WIDTH, terminal_width() or _WIDTH)
    return textwrap.fill(f"{name}: {text}", width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _number(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

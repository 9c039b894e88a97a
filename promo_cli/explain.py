"""`promo explain`: why one user gets what they get, in words that a customer-service agent reads aloud."""

from typing import Annotated

import typer

from promo_cli.completion import promotions
from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path


def explain(
    user: Annotated[str, typer.Argument(metavar="USER", help="The shop's own key of the user.")],
    product: Annotated[
        str | None, typer.Option("--product", metavar="PRODUCT", help="Only this product: its price, scores and what they read.")
    ] = None,
    offer: Annotated[
        str | None,
        typer.Option(
            "--offer",
            metavar="OFFER",
            help="Only this offer_id or promotion_id: why, or why not.",
            autocompletion=promotions,
        ),
    ] = None,
    language: Annotated[
        str, typer.Option("--language", metavar="LANGUAGE", help="en, zh, or a further column of the phrase seeds.")
    ] = "en",
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell one user's offers, refusals and prices, the reasons, and what would have changed them.

    Reads the published database; builds may go on meanwhile. Reasons are those of the scores behind offers; with --product
    those of the pair, computed on the spot where they are not kept.
    """
    import json

    from promo_cli.console import messages
    from promo_cli.errors import printable
    from promo_cli.explanation import explain_user
    from promo_cli.warehouse_reader import tell_if_unpublished

    path = database_path(database)
    told = explain_user(path, user, product, offer, language)
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        from promo_cli.explanation_text import tell
        from promo_cli.tables import wrapped

        narrow = product is not None or offer is not None
        typer.echo(wrapped("\n".join(printable(line) for line in tell(told, narrow).splitlines())))
    if told["language"] != language:
        messages(quiet).print(
            printable(f"note: there are no phrases in {language[:20]}, so they are told in English; see the var reason_languages")
        )
    tell_if_unpublished(path, quiet)

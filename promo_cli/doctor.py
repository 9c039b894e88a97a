"""`promo doctor`: what is wrong with this installation, this folder and this shop, and how to mend it."""

import typer

from promo_cli.options import AsJson, Database, Quiet
from promo_cli.paths import database_path


def doctor(
    database: Database = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check Python and packages, models, disk, memory, locks, rights, secret, encryption, policies, the shop, what is published.

    One line a check: ok, warning or fault, and how to mend it; with --quiet those alone that are not ok. Exit code 0 when nothing
    is at fault; else that of the worst fault: 3 the environment, 1 the data or the policy. Nothing is written.
    """
    import json

    from promo_cli.checkup import examine, worst

    findings = examine(database_path(database))
    code = worst(findings)
    if as_json:
        typer.echo(
            json.dumps({"exit_code": code, "checks": [vars(finding) for finding in findings]}, indent=2, ensure_ascii=False)
        )
    else:
        for finding in findings:
            if not (quiet and finding.state == "ok"):
                typer.echo(str(finding))
    raise typer.Exit(code)

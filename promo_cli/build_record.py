"""What the last complete build took, as the databases have it on record."""

from pathlib import Path

from promo_cli.forecast import Record
from promo_cli.paths import published_path

_BUILD = """
    select build_id, epoch(finished_at - started_at)
    from audits.builds
    where is_complete and outcome = 'passed' and command = 'build' and finished_at is not null
    order by rowid desc -- a clock may be set back
    limit 1
"""
_PUBLISHED = """
    select epoch(max(publication.published_at) - max(builds.finished_at))
    from audits.publication as publication
    inner join audits.builds as builds on publication.build_id = builds.build_id
    where builds.build_id = $1
"""


def last_build(database: Path) -> Record | None:
    """Seconds by node of the last complete build of the working `database`, and of its publication.

    Read from what is published, which no build locks. None where there is none, or it can't be read: then nothing is foretold.
    """
    import duckdb

    from promo_cli.errors import PromoError
    from promo_cli.warehouse_reader import open_read_only

    published = published_path(database)
    if not published.is_file():
        return None
    try:
        with open_read_only(published) as connection:
            found = connection.execute(_BUILD).fetchone()
            if found is None:
                return None
            build, whole = found
            nodes = dict(
                connection.execute(
                    "select node, seconds from audits.build_nodes where build_id = $1 and seconds is not null", [build]
                ).fetchall()
            )
            (after,) = connection.execute(_PUBLISHED, [build]).fetchone() or (0.0,)
    except (PromoError, duckdb.Error):
        return None
    return Record(nodes, whole, max(0.0, after or 0.0))

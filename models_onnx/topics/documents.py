"""Users' words as sparse counts, from the feature tables of the training database."""

from datetime import date
from typing import Any, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

MOST_USERS = 10_000
"""Beyond this a sample of users stands for all; the sample is drawn by hash, so it is the same every time."""


class Documents(NamedTuple):
    """What users had done before one as-of date and what they bought after it; users in the order of their ids."""

    before: Any
    """Counts [U, V], sparse by rows: the model's input."""
    after: Any
    """Counts [U, V] of the four weeks from the date on, sparse by rows; it has no entry where they aren't over."""


def vocabulary(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[str]:
    """The words that topics may be made of as of a date, those of most users first."""
    rows = connection.execute(
        "select word from features.topic_vocabulary where as_of_date = $as_of and word_number is not null order by word_number",
        {"as_of": as_of},
    ).fetchall()
    return [word for (word,) in rows]


def read_documents(connection: duckdb.DuckDBPyConnection, as_of: date, words: list[str]) -> Documents:
    """Counts of the given words; users without any word at all are left out."""
    import pyarrow as pa

    parameters = {"as_of": as_of, "most": MOST_USERS}
    listed = pa.table({"word": pa.array(words, pa.string()), "number": pa.array(range(len(words)), pa.int64())})
    cursor = connection.cursor()
    cursor.register("listed_words", listed)
    chosen = """
        with users as (
            select user_id, row_number() over (order by user_id) - 1 as user_row
            from (
                select user_id
                from features.topic_documents
                where as_of_date = $as_of
                qualify row_number() over (order by md5(user_id), user_id) between 1 and $most
            )
        )
    """
    (users,) = cursor.execute(f"{chosen} select count(*) from users", parameters).fetchall()[0]
    found = [
        cursor.execute(
            f"""
            {chosen}
            select users.user_row, listed_words.number, cast(words.word_count as double) as word_count
            from features.{table} as words
            inner join users on words.user_id = users.user_id
            inner join listed_words on words.word = listed_words.word
            where words.as_of_date = $as_of
            order by users.user_row, listed_words.number
            """,
            parameters,
        ).fetchnumpy()
        for table in ("user_words", "topic_labels")
    ]
    cursor.unregister("listed_words")
    return Documents(*(_sparse(rows, (users, len(words))) for rows in found))


def _sparse(rows: dict[str, NDArray[Any]], shape: tuple[int, int]) -> Any:
    from scipy import sparse

    values = np.asarray(rows["word_count"], dtype=np.float64)
    return sparse.csr_matrix((values, (np.asarray(rows["user_row"]), np.asarray(rows["number"]))), shape=shape)

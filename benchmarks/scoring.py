"""Purchase intent of 500,000 sequences in SQL, beside bare onnxruntime, a notebook's pandas and a function called row by row.

    offerhouse    create table … as select purchase_intent(tokens) from a table of the database
    bare          onnxruntime on ready arrays at its best: two Python threads, one-thread sessions, batches of 128
    pandas        the table as a data frame, stacked, scored, and inserted back
    row by row    a Python function that DuckDB calls for every row (of a tenth of the rows)

The shipped network of the article. Every contender's scores are compared with the first's.

python benchmarks/scoring.py [--rows 500000] [--repeats 5]
"""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
from contest import Scored, arguments, contest, peak, print_bars, print_table, ratio
from numpy.typing import NDArray

from udfs.duckdb_functions import register_functions
from udfs.model_registry import MODELS_FOLDER

LENGTH = 50
MODEL = MODELS_FOLDER / "purchase_intent" / "model.onnx"
DATABASE, READY = "sequences.duckdb", "sequences.npy"


def make_sequences(folder: Path, rows: int) -> None:
    """`rows` sequences of 50 tokens, a table of the database and a file of a ready array."""
    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.execute(
            "create table sequences as "
            "select i, list_transform(range(50), lambda k: 1 + hash(i * 50 + k) % 9999)::integer[50] as tokens "
            "from range(?) as t(i)",
            [rows],
        )
        array = connection.sql("select tokens from sequences order by i").to_arrow_table()["tokens"].combine_chunks()
        np.save(folder / READY, array.flatten().to_numpy().reshape(-1, LENGTH))


def offerhouse(folder: Path) -> Scored:
    """The package's own SQL function."""
    with duckdb.connect(str(folder / DATABASE)) as connection:
        register_functions(connection)
        connection.execute("select purchase_intent(tokens) from sequences limit 1").fetchall()
        began = time.perf_counter()
        connection.execute("create or replace table scores as select i, purchase_intent(tokens) as score from sequences")
        return time.perf_counter() - began, _scores(connection)


def bare(folder: Path) -> Scored:
    """No database at all."""
    import onnxruntime

    tokens = np.load(folder / READY)
    sessions = [_session(onnxruntime, 1) for _ in range(2)]
    halves = np.array_split(np.arange(0, len(tokens), 128), 2)

    def score(session: "onnxruntime.InferenceSession", starts: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return [session.run(None, {name: tokens[start : start + 128]})[0].reshape(-1) for start in starts]

    name = sessions[0].get_inputs()[0].name
    score(sessions[0], halves[0][:1])
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        scored = list(pool.map(score, sessions, halves))
    result = np.concatenate([piece for half in scored for piece in half])
    return time.perf_counter() - began, result


def pandas(folder: Path) -> Scored:
    """What a user would write in a notebook."""
    import onnxruntime
    import pandas  # type: ignore[import-untyped]

    session = _session(onnxruntime, 0)
    name = session.get_inputs()[0].name
    with duckdb.connect(str(folder / DATABASE)) as connection:
        began = time.perf_counter()
        frame = connection.sql("select i, tokens from sequences").df()
        (scores,) = session.run(None, {name: np.stack(frame["tokens"].to_numpy()).astype(np.int32)})
        scored = pandas.DataFrame({"i": frame["i"], "score": scores.reshape(-1)})
        connection.register("scored", scored)
        connection.execute("create or replace table scores as select i, score from scored")
        return time.perf_counter() - began, _scores(connection)


def row_by_row(folder: Path) -> Scored:
    """A native function: DuckDB makes a Python list of every row's tokens."""
    import onnxruntime

    session = _session(onnxruntime, 1)
    name = session.get_inputs()[0].name

    def score(tokens: list[int]) -> float:
        return float(session.run(None, {name: np.array([tokens], dtype=np.int32)})[0].reshape(-1)[0])

    with duckdb.connect(str(folder / DATABASE)) as connection:
        connection.create_function("one_by_one", score, ["INTEGER[50]"], "FLOAT")
        part = connection.execute("select count(*) // 10 from sequences").fetchall()[0][0]
        began = time.perf_counter()
        connection.execute(
            "create or replace table scores as select i, one_by_one(tokens) as score from sequences where i < ?", [part]
        )
        return time.perf_counter() - began, _scores(connection)


def _session(onnxruntime: object, threads: int) -> "onnxruntime.InferenceSession":  # type: ignore[name-defined] # noqa: F821
    options = onnxruntime.SessionOptions()  # type: ignore[attr-defined]
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])  # type: ignore[attr-defined]


def _scores(connection: duckdb.DuckDBPyConnection) -> NDArray[np.float32]:
    return connection.execute("select score from scores order by i").fetchnumpy()["score"]


CONTENDERS = {"offerhouse": offerhouse, "bare": bare, "pandas": pandas, "row by row": row_by_row}


def main() -> None:
    """Print the table and the bars; leaves with 1 when one is broken."""
    chosen = arguments(__doc__, 500_000, CONTENDERS)
    with tempfile.TemporaryDirectory() as folder:
        make_sequences(Path(folder), chosen.rows)
        runs = contest(__file__, list(CONTENDERS), chosen.repeats, Path(folder))
    print(f"{chosen.rows:,} sequences of {LENGTH} tokens, {chosen.repeats} runs each, in turn")
    print_table(runs)
    print_bars(
        [
            ("speed beside bare onnxruntime", ratio(runs, "offerhouse", "bare"), 1.0),
            ("speed beside pandas", ratio(runs, "offerhouse", "pandas"), 1.8),
            ("its peak memory over ours", peak(runs, "pandas") / peak(runs, "offerhouse"), 4.0),
            ("speed beside a function row by row", ratio(runs, "offerhouse", "row by row"), 3.0),
        ]
    )


if __name__ == "__main__":
    main()

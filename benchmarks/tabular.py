"""Interest of 5,000,000 user × product rows of 32 features in SQL, beside xgboost on a ready matrix and the same trees as ONNX.

    offerhouse    create table … as select interest(features) from a table of the database
    xgboost       inplace_predict on the ready matrix, in pieces on two Python threads or with two threads of its own: the faster
    onnx          the trees as an ONNX TreeEnsemble in onnxruntime, two threads (needs onnxmltools; left out where it isn't there)

300 trees of depth 6, trained on random features in the run; registered as `interest` in a models folder of the benchmark's own.

python benchmarks/tabular.py [--rows 5000000] [--repeats 5]
"""

import hashlib
import importlib.util
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import xgboost
from contest import Scored, arguments, contest, print_bars, print_table, ratio
from numpy.typing import NDArray

from udfs.duckdb_functions import register_functions

WIDTH = 32
PIECE = 16_384


def make_rows(folder: Path, rows: int) -> None:
    """`rows` rows of 32 features, some of them missing: a table and a ready matrix; and the trained trees, registered."""
    random = np.random.default_rng(1)
    examples = random.normal(size=(20_000, WIDTH)).astype(np.float32)
    labels = examples[:, 0] * examples[:, 1] + examples[:, 2] + random.normal(size=len(examples)) > 0
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.05, "seed": 1, "nthread": 2}
    trees = xgboost.train(settings, xgboost.DMatrix(examples, labels), 300)
    content = bytes(trees.save_raw("ubj"))
    (folder / "interest.ubj").write_bytes(content)
    line = {"file": "interest.ubj", "sha256": hashlib.sha256(content).hexdigest(), "kind": "xgboost"}
    (folder / "registry.json").write_text(json.dumps({"interest": line}))
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        features = ", ".join(f"cast(hash(i * {WIDTH} + {k}) % 20000 as float) / 5000 - 2" for k in range(WIDTH - 1))
        connection.execute(
            "create table user_products as "
            f"select i, [{features}, case when i % 3 > 0 then cast(i % 7 as float) end]::float[{WIDTH}] as features "
            "from range(?) as t(i)",
            [rows],
        )
        matrix = np.lib.format.open_memmap(folder / "rows.npy", mode="w+", dtype=np.float32, shape=(rows, WIDTH))
        start = 0
        for batch in connection.sql("select features from user_products order by i").to_arrow_reader(100_000):
            values = batch.column(0).flatten().to_numpy(zero_copy_only=False).reshape(-1, WIDTH)
            matrix[start : start + len(values)] = values
            start += len(values)
        matrix.flush()


def offerhouse(folder: Path) -> Scored:
    """The package's own SQL function."""
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        register_functions(connection, {"models_folder": str(folder)})
        connection.execute("select interest(features) from user_products limit 1").fetchall()
        began = time.perf_counter()
        connection.execute("create or replace table scores as select i, interest(features) as score from user_products")
        seconds = time.perf_counter() - began
        return seconds, connection.execute("select score from scores order by i").fetchnumpy()["score"]


def pieces(folder: Path) -> Scored:
    """xgboost alone, the matrix in pieces on two Python threads."""
    matrix, trees = _matrix(folder), _trees(folder, 1)

    def score(start: int) -> NDArray[np.float32]:
        return trees.inplace_predict(matrix[start : start + PIECE])

    score(0)
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        scores = np.concatenate(list(pool.map(score, range(0, len(matrix), PIECE))))
    return time.perf_counter() - began, scores


def whole(folder: Path) -> Scored:
    """xgboost alone, the matrix at once, two threads of its own."""
    matrix, trees = _matrix(folder), _trees(folder, 2)
    trees.inplace_predict(matrix[:1])
    began = time.perf_counter()
    scores = trees.inplace_predict(matrix)
    return time.perf_counter() - began, scores


def onnx(folder: Path) -> Scored:
    """The trees as one ONNX operator, on a tenth of the rows."""
    import onnxruntime
    from onnxmltools import convert_xgboost  # type: ignore[import-not-found]
    from onnxmltools.convert.common.data_types import FloatTensorType  # type: ignore[import-not-found]

    model = convert_xgboost(_trees(folder, 1), initial_types=[("features", FloatTensorType([None, WIDTH]))], target_opset=15)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    matrix = _matrix(folder)
    matrix = matrix[: -(-len(matrix) // 10)]
    began = time.perf_counter()
    probabilities = [
        session.run(None, {"features": matrix[start : start + PIECE]})[1][:, 1] for start in range(0, len(matrix), PIECE)
    ]
    return time.perf_counter() - began, np.concatenate(probabilities)


def _matrix(folder: Path) -> NDArray[np.float32]:
    return np.load(folder / "rows.npy")


def _trees(folder: Path, threads: int) -> xgboost.Booster:
    trees = xgboost.Booster({"nthread": threads})
    trees.load_model(bytearray((folder / "interest.ubj").read_bytes()))
    return trees


CONTENDERS = {"offerhouse": offerhouse, "xgboost in pieces": pieces, "xgboost at once": whole, "onnx": onnx}


def main() -> None:
    """Print the table and the bar; leaves with 1 when it is broken."""
    chosen = arguments(__doc__, 5_000_000, CONTENDERS)
    names = [name for name in CONTENDERS if name != "onnx" or importlib.util.find_spec("onnxmltools")]
    with tempfile.TemporaryDirectory() as folder:
        make_rows(Path(folder), chosen.rows)
        runs = contest(__file__, names, chosen.repeats, Path(folder))
    print(f"{chosen.rows:,} rows of {WIDTH} features, {chosen.repeats} runs each, in turn")
    print_table(runs)
    faster = max(names[1:], key=lambda name: ratio(runs, name, "offerhouse"))
    print_bars([(f"speed beside {faster}", ratio(runs, "offerhouse", faster), 0.90)])


if __name__ == "__main__":
    main()

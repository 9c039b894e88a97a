"""Nothing may do more than it must: private files, no pickle, no model that isn't registered, errors that tell nobody's data."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promo_cli.errors import PromoError, shape
from udfs.model_registry import ModelRefused
from udfs.onnx_session import open_session

Promo = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def open_mask() -> Iterator[None]:
    """A user whose files everybody may read and write unless told otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_mask")
def test_what_a_load_writes_is_for_its_owner_alone(promo: Promo, shop_folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "house" / "deep" / "w.duckdb"
    assert promo("load", "files", shop_folder, "--database", database)[0] == 0
    written = [database, database.parent, database.parent.parent]
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600, 0o700, 0o700]
    assert os.umask(0) == 0, "the caller's own mask is as it was"


def test_no_pickle_anywhere() -> None:
    unsafe = re.compile(
        r"\b(c?pickle|dill|cloudpickle|joblib|shelve|marshal)\b|allow_pickle\s*=\s*True|yaml\.(load|unsafe_load|full_load)\(|\b(eval|exec)\("
    )
    torch_load = re.compile(r"torch\.load\((?![^)]*weights_only=True)")
    for folder in ("udfs", "models_onnx", "promo_cli", "dbt_project"):
        for path in (ROOT / folder).rglob("*.py"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                code = re.sub(r"\w+\.eval\(\)", "", line)  # a network put to its evaluation mode
                found = unsafe.search(code) or torch_load.search(code)
                assert not found, f"{path}:{number}: {line.strip()}"
    names = {path.suffix for path in (ROOT / "models_onnx").rglob("*") if path.is_file()}
    assert not names & {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy", ".npz"}


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "{folder}/weights.bin"])
def test_weights_in_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Their bytes have not been hashed, and would be read from wherever the process stands."""
    onnx = pytest.importorskip("onnx")
    (tmp_path / "weights.bin").write_bytes(b"\0" * 40)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "weights.bin").write_bytes(b"\0" * 40)
    monkeypatch.chdir(tmp_path / "here")
    weights = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[10], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in {"location": place.format(folder=tmp_path), "length": "40"}.items():
        weights.external_data.add(key=key, value=value)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["w"], ["y"])],
        "g",
        [],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [10])],
        [weights],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(ModelRefused, match="External data path"):
        open_session("m", model.SerializeToString())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("two\nlines\r\nand \x1b[2J", "two lines and �[2J"),
        ("write to maria.lopez+x@mail.example.org now", "write to [e-mail address] now"),
        ("call +49 (151) 234-5678.", "call [telephone number]."),
        ("'a@b.co'", "'[e-mail address]'"),
        ('could not convert string "0151 2345" to INT32', "could not convert string '9999 9999' to INT32"),
        ("order_lines_2024-01.csv, line 1469307: 1,469,307 rows, 2024-05-31 18:30:00", None),
        ("process (PID 12345), version 7055df57bd27", None),
        ("/data/@home/shop.csv", None),
    ],
)
def test_errors_are_fit_for_terminals_and_logs(words: str, told: str | None) -> None:
    assert PromoError(words).message == (words if told is None else told)


def test_endless_errors_end() -> None:
    assert len(PromoError("x" * 1_000_000).message) < 2_100


def test_a_shape_tells_how_and_not_what() -> None:
    assert shape("0151-Müller@x.de") == "'9999-aaaaaa@a.aa'"

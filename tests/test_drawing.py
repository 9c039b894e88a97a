"""Curves drawn from a card: the same card gives the same bytes, and small ones."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from models_onnx.curves import card_curves, epoch_points
from models_onnx.drawing import draw


def card(epochs: int = 4) -> dict[str, Any]:
    random = np.random.default_rng(1)
    scores = random.beta(2, 2, 2000)
    labels = (random.random(2000) < scores).astype(int)
    noisy = scores + random.normal(0, 0.2, 2000)
    lines = [
        {"epoch": epoch, "train_loss": 0.6 / epoch, "validation_loss": 0.7 / epoch, "validation_accuracy": 0.7}
        for epoch in range(1, epochs + 1)
    ]
    curves = card_curves(labels, scores, baselines={"rule: any": noisy})
    return {"model": "interest", "task": "a product is bought", "curves": curves | {"epochs": epoch_points(lines)}}


def test_every_curve_is_drawn_as_svg_and_png() -> None:
    files = draw(card())
    assert set(files) == {f"{curve}.{kind}" for curve in ("reliability", "gains", "epochs") for kind in ("svg", "png")}
    for name, content in files.items():
        assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")


def test_pictures_tell_what_they_show() -> None:
    files = {name: content.decode() for name, content in draw(card()).items() if name.endswith("svg")}
    for words in ("interest: reliability", "a product is bought", "2,000 rows", "mean score", "calibrated: rate = score"):
        assert words in files["reliability.svg"]
    for words in ("cumulative gains", "random order", "rule: any", "share of all positives found (%)"):
        assert words in files["gains.svg"]
    for words in ("log-loss (nats a row)", "accuracy", "least validation loss: 4"):
        assert words in files["epochs.svg"]


def test_the_same_card_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from test_drawing import card, draw\n"
        f"[open({str(tmp_path)!r} + '/' + name, 'wb').write(content) for name, content in draw(card()).items()]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == draw(card()) == draw(card())


def test_no_time_of_drawing_is_told() -> None:
    svg = draw(card())["gains.svg"].decode()
    assert "dc:date" not in svg
    assert "matplotlib v" not in svg.lower()


def test_files_are_small_even_for_many_epochs() -> None:
    for name, content in draw(card(epochs=600)).items():
        assert len(content) < (60_000 if name.endswith("svg") else 150_000), name


def test_a_card_without_curves_gives_nothing_and_one_that_is_odd_still_draws() -> None:
    assert draw({"model": "interest"}) == {}
    assert draw({"curves": {"reliability": []}}) == {}
    point = {"x": 0.0, "y": 0.0, "rows": 3}
    assert set(draw({"curves": {"reliability": [point]}})) == {"reliability.svg", "reliability.png"}
    assert set(draw({"curves": {"epochs": [{"epoch": 1, "train_loss": None, "auc": 0.8}]}})) == {"epochs.svg", "epochs.png"}


def test_a_point_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="a point of the curve gains needs x and y"):
        draw({"curves": {"gains": [{"x": 1}]}})

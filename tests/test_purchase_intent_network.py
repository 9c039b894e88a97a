"""The sequence networks: shapes, padding, seeded training, export. Needs the `train` extra."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("sklearn")

import onnxruntime  # noqa: E402

from models_onnx.purchase_intent import export  # noqa: E402
from models_onnx.purchase_intent.export import export_onnx  # noqa: E402
from models_onnx.purchase_intent.network import ARTICLES_FORM, NETWORKS, SEQUENCE_LENGTH, PurchaseIntentNetwork  # noqa: E402
from models_onnx.purchase_intent.training import (  # noqa: E402
    EpochReport,
    Examples,
    TrainedNetwork,
    TrainingSettings,
    predict,
    train_network,
)

BUYS, BROWSES = 17, 4211
QUICK = TrainingSettings(epochs=5, batch_size=64, learning_rate=5e-3, threads=1)


def planted(rows: int, seed: int) -> Examples:
    """Left-padded sequences; those with the token BUYS among their newest ten are purchases."""
    random = np.random.default_rng(seed)
    tokens = random.integers(100, 140, (rows, SEQUENCE_LENGTH)).astype(np.int32)
    labels = random.integers(0, 2, rows)
    tokens[np.arange(rows), random.integers(40, 50, rows)] = np.where(labels == 1, BUYS, BROWSES)
    tokens[np.arange(SEQUENCE_LENGTH) < random.integers(0, 40, (rows, 1))] = 0
    return Examples(tokens, labels.astype(np.float32))


@pytest.fixture(scope="module")
def trained() -> TrainedNetwork:
    return train_network(planted(800, 1), planted(400, 2), seed=5, settings=QUICK)


def test_the_network_has_the_articles_layers() -> None:
    network = PurchaseIntentNetwork()
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    assert shapes["embedding.weight"] == (10_000, 64)
    assert shapes["convolution.weight"] == (64, 64, 5)
    assert network.pooling.kernel_size == 5
    assert shapes["lstm.weight_hh_l0"] == (400, 100)
    assert shapes["output.weight"] == (1, 100)


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_scores_are_one_probability_a_row(rows: int, dtype: torch.dtype) -> None:
    scores = PurchaseIntentNetwork().eval()(torch.randint(0, 10_000, (rows, SEQUENCE_LENGTH), dtype=dtype))
    assert scores.shape == (rows,)
    assert scores.dtype == torch.float32
    assert ((scores > 0) & (scores < 1)).all()


def test_every_length_of_left_padding_has_a_score_of_its_own() -> None:
    tokens = np.full((SEQUENCE_LENGTH + 1, SEQUENCE_LENGTH), BUYS, dtype=np.int32)
    for pads, row in enumerate(tokens):
        row[:pads] = 0
    scores = predict(PurchaseIntentNetwork(), tokens)
    assert np.isfinite(scores).all()
    assert scores[0] != scores[-1]


def test_the_newest_event_counts() -> None:
    """An unpadded convolution would lose the last position to the pooling."""
    tokens = np.full((2, SEQUENCE_LENGTH), BROWSES, dtype=np.int32)
    tokens[1, -1] = BUYS
    older, newer = predict(PurchaseIntentNetwork(), tokens)
    assert older != newer


def test_scores_do_not_depend_on_the_batch() -> None:
    network, tokens = PurchaseIntentNetwork(), planted(50, 3).tokens
    assert np.allclose(predict(network, tokens), predict(network, tokens, batch_size=7), atol=1e-6)


def test_a_planted_pattern_is_learned(trained: TrainedNetwork) -> None:
    assert max(point.validation_auc for point in trained.curves) > 0.9
    pair = np.zeros((2, SEQUENCE_LENGTH), dtype=np.int32)
    pair[:, 40:] = 120
    pair[:, 45] = BROWSES, BUYS
    browses, buys = predict(trained.network, pair)
    assert buys > 0.5 > browses


def test_the_best_epoch_is_kept_and_the_curves_hold_every_epoch(trained: TrainedNetwork) -> None:
    assert [point.epoch for point in trained.curves] == list(range(1, len(trained.curves) + 1))
    assert trained.best_epoch == max(trained.curves, key=lambda point: point.validation_auc).epoch
    validation = planted(400, 2)
    accuracy = np.mean((predict(trained.network, validation.tokens) >= 0.5) == (validation.labels == 1))
    assert accuracy == pytest.approx(trained.curves[trained.best_epoch - 1].validation_accuracy)


def test_equal_inputs_and_seed_give_equal_metrics(trained: TrainedNetwork) -> None:
    state = torch.get_rng_state()
    seen: list[EpochReport] = []
    again = train_network(planted(800, 1), planted(400, 2), seed=5, on_epoch=seen.append, settings=QUICK)
    assert seen == again.curves
    for first, second in zip(trained.curves, again.curves, strict=True):
        assert first.validation_auc == pytest.approx(second.validation_auc, abs=1e-3)
        assert first.train_loss == pytest.approx(second.train_loss, abs=1e-3)
    assert torch.equal(state, torch.get_rng_state()), "the caller's random state must be left alone"


def test_training_stops_when_validation_no_longer_rises() -> None:
    settings = TrainingSettings(epochs=20, patience=1, batch_size=64, learning_rate=1e-2, threads=1)
    result = train_network(planted(600, 1), planted(200, 2), seed=1, settings=settings)
    assert len(result.curves) < 20
    assert len(result.curves) == result.best_epoch + 1


@pytest.mark.parametrize(
    ("tokens", "labels", "message"),
    [
        (np.zeros((2, 49), np.int32), np.zeros(2, np.float32), "shape"),
        (np.zeros((2, 50), np.int32), np.zeros(3, np.float32), "shape"),
        (np.full((2, 50), 10_000, np.int32), np.zeros(2, np.float32), "0..9999"),
        (np.zeros((2, 50), np.int32), np.array([0, 2], np.float32), "0 or 1"),
    ],
)
def test_bad_examples_are_refused(tokens: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Examples(tokens, labels)


def test_validation_of_one_class_is_refused() -> None:
    one_class = Examples(np.zeros((3, 50), np.int32), np.ones(3, np.float32))
    with pytest.raises(ValueError, match="both purchases and non-purchases"):
        train_network(planted(20, 1), one_class, seed=1)


@pytest.mark.parametrize("form", list(NETWORKS))
def test_every_form_learns_and_is_exported_alike(form: str) -> None:
    settings = TrainingSettings(epochs=6, patience=6, batch_size=64, learning_rate=5e-3, threads=1)
    trained = train_network(planted(800, 1), planted(400, 2), seed=5, settings=settings, form=form)
    assert type(trained.network) is NETWORKS[form]
    assert max(point.validation_auc for point in trained.curves) > 0.75
    content = export_onnx(trained.network)
    assert NETWORKS[form].operator in {node.op_type for node in onnx.load_from_string(content).graph.node}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,), (returned,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("tokens", "tensor(int32)", [50])
    assert (returned.name, returned.type) == ("purchase_intent", "tensor(float)")
    for rows in (1, 3, 64):
        tokens = planted(rows, 9).tokens
        (scores,) = session.run(None, {"tokens": tokens})
        assert np.abs(scores - predict(trained.network, tokens)).max() < 1e-5
    assert export_onnx(trained.network) == content, "equal networks give equal bytes"


def test_the_articles_form_comes_first_and_is_the_default(trained: TrainedNetwork) -> None:
    assert next(iter(NETWORKS)) == ARTICLES_FORM == "cnn_lstm"
    assert set(NETWORKS) == {"cnn_lstm", "cnn", "rnn", "lstm", "gru"}
    assert isinstance(trained.network, PurchaseIntentNetwork)


@pytest.mark.parametrize("form", list(NETWORKS))
def test_every_form_hides_tokens_while_training_only(form: str) -> None:
    network = NETWORKS[form](token_dropout=0.5)
    tokens = torch.full((8, SEQUENCE_LENGTH), BUYS)
    assert torch.equal(network.eval()(tokens), network(tokens))
    assert len(set(network.train()(tokens).tolist())) > 1


def test_a_failed_check_gives_no_bytes(trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="differs from torch"):
        export_onnx(trained.network)
    monkeypatch.undo()
    monkeypatch.setattr(type(trained.network), "operator", "GRU")
    with pytest.raises(RuntimeError, match="has no GRU node"):
        export_onnx(trained.network)

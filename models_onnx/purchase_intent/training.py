"""Training of the sequence networks: pure functions over arrays, seeded, no files and no database."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import nn

from models_onnx.purchase_intent.network import ARTICLES_FORM, NETWORKS, SEQUENCE_LENGTH, VOCABULARY, SequenceNetwork


@dataclass(frozen=True)
class Examples:
    """Rows to learn from or to check on.

    tokens: integers [N, 50], 0..9999, left-padded with 0; labels: [N] of 0 and 1. Raises ValueError otherwise.
    """

    tokens: NDArray[np.int32]
    labels: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.tokens.ndim != 2 or self.tokens.shape[1] != SEQUENCE_LENGTH:
            raise ValueError(f"tokens must have the shape [N, {SEQUENCE_LENGTH}], not {list(self.tokens.shape)}")
        if self.labels.shape != (len(self.tokens),):
            raise ValueError(f"labels must have the shape [{len(self.tokens)}], not {list(self.labels.shape)}")
        if len(self.tokens) and not (self.tokens.min() >= 0 and self.tokens.max() < VOCABULARY):
            raise ValueError(f"tokens must lie within 0..{VOCABULARY - 1}")
        if not np.isin(self.labels, (0, 1)).all():
            raise ValueError("labels must be 0 or 1")


@dataclass(frozen=True)
class TrainingSettings:
    """Hyperparameters; the defaults were chosen on the validation weeks.

    learning_rate is the peak of the one-cycle schedule, which spans `epochs`; training stops after `patience` epochs
    without a better validation AUC. One thread by default: sums then run in the same order whatever the machine.
    """

    epochs: int = 4
    patience: int = 2
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    token_dropout: float = 0.1
    dropout: float = 0.3
    threads: int = 1


@dataclass(frozen=True)
class EpochReport:
    """One point of the curves. Losses are mean log-losses (nats), accuracies count scores >= 0.5 as a purchase.

    The training figures are running ones: taken batch by batch while the weights move and dropout is on.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_auc: float


@dataclass(frozen=True)
class TrainedNetwork:
    """The network of the best validation epoch (in eval mode), and the curves of every epoch that ran."""

    network: SequenceNetwork
    best_epoch: int
    curves: list[EpochReport] = field(default_factory=list)


def predict(network: SequenceNetwork, tokens: NDArray[np.int32], batch_size: int = 2048) -> NDArray[np.float32]:
    """Purchase probabilities float32 [N] of the tokens [N, 50], with dropout off; the mode is left as it was."""
    was_training = network.training
    network.eval()
    scores = np.empty(len(tokens), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(tokens), batch_size):
            batch = torch.from_numpy(np.ascontiguousarray(tokens[start : start + batch_size], dtype=np.int32))
            scores[start : start + batch_size] = network(batch).numpy()
    network.train(was_training)
    return scores


def train_network(
    train: Examples,
    validation: Examples,
    seed: int,
    on_epoch: Callable[[EpochReport], None] | None = None,
    settings: TrainingSettings | None = None,
    form: str = ARTICLES_FORM,
) -> TrainedNetwork:
    """Train a network of `form` (a key of NETWORKS) on `train`, keep the weights of the epoch with the best
    validation AUC, stop when it no longer rises.

    AdamW on the binary cross-entropy, learning rate on a one-cycle schedule. Everything random (weights, shuffling,
    dropout) comes from `seed`, and the caller's random state is left as it was: equal inputs, equal metrics.
    `on_epoch` is called after each epoch. Raises ValueError when a part is empty or validation holds one class only.
    """
    settings = settings or TrainingSettings()
    if not len(train.labels):
        raise ValueError("no training examples")
    if len(np.unique(validation.labels)) < 2:
        raise ValueError("validation needs both purchases and non-purchases to choose the best epoch")
    threads_before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _train(train, validation, on_epoch, settings, form)
    finally:
        torch.set_num_threads(threads_before)


def _train(
    train: Examples,
    validation: Examples,
    on_epoch: Callable[[EpochReport], None] | None,
    settings: TrainingSettings,
    form: str,
) -> TrainedNetwork:
    network = NETWORKS[form](token_dropout=settings.token_dropout, dropout=settings.dropout)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    tokens = torch.from_numpy(np.ascontiguousarray(train.tokens, dtype=np.int32))
    labels = torch.from_numpy(np.ascontiguousarray(train.labels, dtype=np.float32))
    steps = -(-len(labels) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=settings.learning_rate, total_steps=steps * settings.epochs)
    loss_of = nn.BCEWithLogitsLoss()
    curves: list[EpochReport] = []
    best_epoch, best_auc, best_state = 0, -1.0, copy.deepcopy(network.state_dict())
    for epoch in range(1, settings.epochs + 1):
        network.train()
        loss_sum, hits = 0.0, 0
        for rows in torch.randperm(len(labels)).split(settings.batch_size):
            logits = network.logits(tokens[rows])
            loss = loss_of(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item() * len(rows)
            hits += int(((logits.detach() >= 0) == (labels[rows] > 0.5)).sum())
        report = _report(epoch, loss_sum / len(labels), hits / len(labels), network, validation)
        curves.append(report)
        if on_epoch:
            on_epoch(report)
        if report.validation_auc > best_auc:
            best_epoch, best_auc, best_state = epoch, report.validation_auc, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= settings.patience:
            break
    network.load_state_dict(best_state)
    network.eval()
    _silence_unseen(network, train.tokens)
    return TrainedNetwork(network, best_epoch, curves)


def _silence_unseen(network: SequenceNetwork, tokens: NDArray[np.int32]) -> None:
    """Tokens that no training row held (another shop's event kinds) say nothing: they get the pad's embedding, zeros."""
    seen = np.zeros(VOCABULARY, dtype=bool)
    seen[np.unique(tokens)] = True
    with torch.no_grad():
        network.embedding.weight[torch.from_numpy(~seen)] = 0


def _report(epoch: int, train_loss: float, train_accuracy: float, network: SequenceNetwork, validation: Examples) -> EpochReport:
    scores = predict(network, validation.tokens)
    safe = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    loss = -np.mean(np.where(validation.labels > 0.5, np.log(safe), np.log1p(-safe)))
    return EpochReport(
        epoch=epoch,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        validation_loss=float(loss),
        validation_accuracy=float(np.mean((scores >= 0.5) == (validation.labels > 0.5))),
        validation_auc=float(roc_auc_score(validation.labels, scores)),
    )

"""Networks over a user's newest 50 events in PyTorch (training only; scoring runs the exported ONNX file).

The article's is CNN-LSTM (mission M3): Embedding(10000, 64) -> Conv1D(64 filters, width 5, ReLU) -> MaxPool(5) -> LSTM(100)
-> Linear(100, 1) -> sigmoid. The others are what the article compared it with (mission M4: CNN, RNN, LSTM), and a GRU.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

VOCABULARY = 10_000
SEQUENCE_LENGTH = 50
EMBEDDING_SIZE = 64
FILTERS = 64
KERNEL_WIDTH = 5
POOL_WIDTH = 5
HIDDEN_SIZE = 100
PAD_TOKEN = 0


class SequenceNetwork(nn.Module):
    """Scores the last 50 events of a user as the probability of a purchase.

    Input of `forward`: integer tokens [N, 50], each 0..9999, oldest first, newest last, left-padded with 0.
    Output: float32 [N], a probability. A token outside the vocabulary raises IndexError.

    A subclass makes a state [N, 100] of the embedded events. `token_dropout` (whole tokens hidden) and `dropout` (on the
    state) act while training only.
    """

    form = ""
    """Key in NETWORKS."""
    described = ""
    """The layers, for cards."""
    operator = ""
    """ONNX operator that the exported graph must hold."""

    def __init__(self, token_dropout: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.token_dropout = token_dropout
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING_SIZE, padding_idx=PAD_TOKEN)
        self.build()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(HIDDEN_SIZE, 1)

    def build(self) -> None:
        """Make the layers between embedding and output."""
        raise NotImplementedError

    def state(self, embedded: Tensor) -> Tensor:
        """[N, 100] of the embedded events [N, 50, 64]."""
        raise NotImplementedError

    def logits(self, tokens: Tensor) -> Tensor:
        """Log-odds [N] of the tokens [N, 50]; training uses them for a loss that does not saturate."""
        if self.training and self.token_dropout > 0:
            kept = torch.rand(tokens.shape) >= self.token_dropout
            tokens = tokens * kept
        return self.output(self.dropout(self.state(self.embedding(tokens)))).squeeze(1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Probability [N] of a purchase for the tokens [N, 50]."""
        return torch.sigmoid(self.logits(tokens))


class PurchaseIntentNetwork(SequenceNetwork):
    """The article's CNN-LSTM.

    Shapes: [N, 50] -> embedding [N, 64, 50] -> convolution [N, 64, 50] -> pooling [N, 64, 10] -> LSTM [N, 100] -> [N].
    The convolution is padded to keep all 50 steps: unpadded it leaves 46, and pooling by 5 then drops the last one,
    the only one that sees the newest event. The padding is zero, just like the embedding of the pad token.
    Source: the founding article (mission M3).
    """

    form = "cnn_lstm"
    described = "Embedding(10000, 64) → Conv1D(64, 5, ReLU) → MaxPool(5) → LSTM(100) → sigmoid"
    operator = "LSTM"

    def build(self) -> None:
        """Convolution, pooling, LSTM."""
        self.convolution = nn.Conv1d(EMBEDDING_SIZE, FILTERS, KERNEL_WIDTH, padding=KERNEL_WIDTH // 2)
        self.pooling = nn.MaxPool1d(POOL_WIDTH)
        self.lstm = nn.LSTM(FILTERS, HIDDEN_SIZE, batch_first=True)

    def state(self, embedded: Tensor) -> Tensor:
        """The LSTM's last state."""
        pooled = self.pooling(torch.relu(self.convolution(embedded.transpose(1, 2))))
        _, (hidden, _) = self.lstm(pooled.transpose(1, 2))
        return hidden[-1]


class ConvolutionNetwork(SequenceNetwork):
    """CNN: the article's convolution and pooling, then a dense layer in the LSTM's place."""

    form = "cnn"
    described = "Embedding(10000, 64) → Conv1D(64, 5, ReLU) → MaxPool(5) → Dense(100, ReLU) → sigmoid"
    operator = "Conv"

    def build(self) -> None:
        """Convolution, pooling, dense layer."""
        self.convolution = nn.Conv1d(EMBEDDING_SIZE, FILTERS, KERNEL_WIDTH, padding=KERNEL_WIDTH // 2)
        self.pooling = nn.MaxPool1d(POOL_WIDTH)
        self.dense = nn.Linear(FILTERS * (SEQUENCE_LENGTH // POOL_WIDTH), HIDDEN_SIZE)

    def state(self, embedded: Tensor) -> Tensor:
        """The dense layer over all pooled steps."""
        pooled = self.pooling(torch.relu(self.convolution(embedded.transpose(1, 2))))
        return torch.relu(self.dense(pooled.flatten(1)))


class RecurrentNetwork(SequenceNetwork):
    """The plain RNN, which reads all 50 events one after another; LSTM and GRU differ in the cell."""

    form = "rnn"
    described = "Embedding(10000, 64) → RNN(100) → sigmoid"
    operator = "RNN"
    cell: type[nn.RNNBase] = nn.RNN

    def build(self) -> None:
        """The recurrent layer."""
        self.recurrent = self.cell(EMBEDDING_SIZE, HIDDEN_SIZE, batch_first=True)

    def state(self, embedded: Tensor) -> Tensor:
        """The state after the newest event."""
        _, hidden = self.recurrent(embedded)
        return (hidden[0] if isinstance(hidden, tuple) else hidden)[-1]


class LstmNetwork(RecurrentNetwork):
    """LSTM without convolution."""

    form = "lstm"
    described = "Embedding(10000, 64) → LSTM(100) → sigmoid"
    operator = "LSTM"
    cell = nn.LSTM


class GruNetwork(RecurrentNetwork):
    """GRU without convolution; the gaps between visits are in the tokens."""

    form = "gru"
    described = "Embedding(10000, 64) → GRU(100) → sigmoid"
    operator = "GRU"
    cell = nn.GRU


NETWORKS: Mapping[str, type[SequenceNetwork]] = {
    network.form: network for network in (PurchaseIntentNetwork, ConvolutionNetwork, RecurrentNetwork, LstmNetwork, GruNetwork)
}
"""Every form that is compared, the article's first."""
ARTICLES_FORM = PurchaseIntentNetwork.form

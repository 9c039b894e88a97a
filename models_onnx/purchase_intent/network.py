"""The article's purchase-intent network in PyTorch (training only; scoring runs the exported ONNX file).

Source: the founding article (mission M3): Embedding(10000, 64) -> Conv1D(64 filters, width 5, ReLU) -> MaxPool(5)
-> LSTM(100) -> Linear(100, 1) -> sigmoid.
"""

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


class PurchaseIntentNetwork(nn.Module):
    """Scores the last 50 events of a user as the probability of a purchase.

    Input of `forward`: integer tokens [N, 50], each 0..9999, oldest first, newest last, left-padded with 0.
    Output: float32 [N], a probability. A token outside the vocabulary raises IndexError.

    Shapes: [N, 50] -> embedding [N, 64, 50] -> convolution [N, 64, 50] -> pooling [N, 64, 10] -> LSTM [N, 100] -> [N].
    The convolution is padded to keep all 50 steps: unpadded it leaves 46, and pooling by 5 then drops the last one,
    the only one that sees the newest event. The padding is zero, just like the embedding of the pad token.

    `token_dropout` (whole tokens hidden) and `dropout` (on the LSTM's last state) act while training only.
    Source: the founding article (mission M3).
    """

    def __init__(self, token_dropout: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.token_dropout = token_dropout
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING_SIZE, padding_idx=PAD_TOKEN)
        self.convolution = nn.Conv1d(EMBEDDING_SIZE, FILTERS, KERNEL_WIDTH, padding=KERNEL_WIDTH // 2)
        self.pooling = nn.MaxPool1d(POOL_WIDTH)
        self.lstm = nn.LSTM(FILTERS, HIDDEN_SIZE, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(HIDDEN_SIZE, 1)

    def logits(self, tokens: Tensor) -> Tensor:
        """Log-odds [N] of the tokens [N, 50]; training uses them for a loss that does not saturate."""
        if self.training and self.token_dropout > 0:
            kept = torch.rand(tokens.shape) >= self.token_dropout
            tokens = tokens * kept
        embedded = self.embedding(tokens).transpose(1, 2)
        pooled = self.pooling(torch.relu(self.convolution(embedded)))
        _, (hidden, _) = self.lstm(pooled.transpose(1, 2))
        return self.output(self.dropout(hidden[-1])).squeeze(1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Probability [N] of a purchase for the tokens [N, 50]."""
        return torch.sigmoid(self.logits(tokens))

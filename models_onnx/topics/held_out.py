"""How good topics are: what they say of words that they haven't seen, and whether their words belong together.

Perplexity is exp(-mean ln p) over the words that users bought after the as-of date, given those before it. Every model is
asked about the same words; UNKNOWN of its probability is spread over all of them evenly, so that a word it lacks is unlikely
and not impossible. *New* words are those a user hadn't had before: there a model can't shine by repeating a user's history,
and probabilities are taken among the words that are new to that user.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models_onnx.topics.documents import Documents

UNKNOWN = 0.01
COHERENT_WORDS = 10
_PIECE = 512


class WordModel(Protocol):
    """What a topic model's scorer offers to be judged by."""

    words: list[str]

    def word_probabilities(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Probability of each of its words, [rows, V], given counts [rows, V] of its words."""
        ...


@dataclass(frozen=True)
class HeldOutWords:
    """Words that users bought after an as-of date, and those they had before: [U, V] over `words`."""

    words: list[str]
    documents: Documents

    @property
    def judged_users(self) -> NDArray[np.int64]:
        """Rows of the users who bought a word that was new to them."""
        return np.flatnonzero(np.asarray(self._new().sum(axis=1)).reshape(-1) > 0)

    def log_likelihood(self, model: WordModel) -> NDArray[np.float64]:
        """Mean ln p of the new words of each judged user, [judged users]; see the module's words."""
        return self.log_likelihoods(self.probabilities(model))[self.judged_users]

    def probabilities(self, model: WordModel) -> NDArray[np.float64]:
        """What a topic model says of the next word of each user, [U, V], rows adding up to 1."""
        number = {word: place for place, word in enumerate(model.words)}
        theirs = np.array([number.get(word, -1) for word in self.words], dtype=np.int64)
        known = theirs >= 0
        before = self.documents.before.tocsc()[:, known].tocsr()
        found = np.zeros(self.documents.before.shape)
        for start in range(0, found.shape[0], _PIECE):
            rows = slice(start, start + _PIECE)
            counts = np.zeros((before[rows].shape[0], len(model.words)), dtype=np.float32)
            counts[:, theirs[known]] = before[rows].toarray()
            found[rows, known] = model.word_probabilities(counts)[:, theirs[known]]
        return self._spread(found)

    def of_all_users(self, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
        """The baseline that knows nobody: word frequencies [V], the same for every user, [U, V]."""
        return self._spread(np.broadcast_to(frequencies, self.documents.before.shape))

    def of_own_words(self, others: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
        """The user's own words, as frequent as they were, smoothed by `others` [U, V] as if it had been seen `strength` times."""
        own = self.documents.before.toarray()
        found: NDArray[np.float64] = (own + strength * others) / (own.sum(axis=1, keepdims=True) + strength)
        return found

    def log_likelihoods(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean ln p of each user's new words among all words new to the user, [U]; 0 where there is none."""
        new, among = self._new(), probabilities * (self.documents.before.toarray() == 0)
        among /= np.maximum(among.sum(axis=1, keepdims=True), 1e-12)
        return self._mean_log(new, among)

    def measures(self, probabilities: NDArray[np.float64]) -> dict[str, float]:
        """Perplexity of all words and of new ones, and the mean over users of ln p of a new word."""
        new, after = self._new(), self.documents.after
        of_new = self.log_likelihoods(probabilities)
        weights = np.asarray(new.sum(axis=1)).reshape(-1)
        of_all = self._mean_log(after, probabilities)
        all_weights = np.asarray(after.sum(axis=1)).reshape(-1)
        return {
            "rows": int((all_weights > 0).sum()),
            "perplexity": float(np.exp(-(of_all * all_weights).sum() / max(all_weights.sum(), 1e-12))),
            "perplexity_new_words": float(np.exp(-(of_new * weights).sum() / max(weights.sum(), 1e-12))),
            "log_likelihood_new_words": float(of_new[self.judged_users].mean()),
        }

    def _new(self) -> Any:
        after = self.documents.after.tocoo()
        if not after.nnz:  # sparse matrices don't take empty lists of places
            return self.documents.after
        had = np.asarray(self.documents.before[after.row, after.col]).reshape(-1) > 0
        return type(after)((after.data * ~had, (after.row, after.col)), shape=after.shape).tocsr()

    def _mean_log(self, counts: Any, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        entries = counts.tocoo()
        logs = np.log(np.maximum(probabilities[entries.row, entries.col], 1e-12)) * entries.data
        users = counts.shape[0]
        total = np.bincount(entries.row, weights=logs, minlength=users)
        weight = np.bincount(entries.row, weights=entries.data, minlength=users)
        return np.divide(total, weight, out=np.zeros(users), where=weight > 0)

    def _spread(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (1 - UNKNOWN) * probabilities + UNKNOWN / len(self.words)
        return found


def coherence(ranked: NDArray[np.int64], after: Any, words: int = COHERENT_WORDS) -> NDArray[np.float64]:
    """NPMI of each row of word numbers [K, ≥ words] among users' words [U, V]: -1 never together, 0 by chance, 1 always.

    The mean over pairs of the first `words` words of ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), p being shares of users who
    bought anything (Bouma, 2009; Lau, Newman and Baldwin, 2014).
    """
    has = (after > 0).astype(np.float64)
    has = has[np.asarray(has.sum(axis=1)).reshape(-1) > 0]
    users = max(has.shape[0], 1)
    alone = np.asarray(has.sum(axis=0)).reshape(-1) / users
    found = []
    for row in ranked[:, :words]:
        together = (has[:, row].T @ has[:, row]).toarray() / users
        first, second = np.triu_indices(len(row), 1)
        joint = together[first, second]
        chance = alone[row][first] * alone[row][second]
        safe = np.clip(joint, 1e-12, 1 - 1e-12)
        npmi = np.log(safe / np.maximum(chance, 1e-24)) / -np.log(safe)
        found.append(float(np.where(joint > 0, npmi, -1.0).mean()))
    return np.array(found)


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine of each topic of `one` [K, V] with the topic of `other` that is matched to it, [K].

    Topics are matched one to one so that the cosines add up to the most (Kuhn, 1955).
    """
    from scipy.optimize import linear_sum_assignment

    cosines = _unit(one) @ _unit(other).T
    rows, columns = linear_sum_assignment(-cosines)
    found: NDArray[np.float64] = cosines[rows, columns]
    return found


def _unit(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = shares / np.linalg.norm(shares, axis=1, keepdims=True)
    return found

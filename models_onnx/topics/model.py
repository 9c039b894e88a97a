"""A fitted topic model, and its fitting by scikit-learn; topics come in the order of their weight."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udfs.topics import TopicWord

PRIOR = 0.2
"""α of a topic in a user, and η of a word in a topic; .2 was no worse on validation than anything between .05 and 1."""
PASSES = 20
TOP_WORDS = 30
NAME_WORDS = 3
RELEVANCE = 0.6
"""λ of Sievert and Shirley (2014): words are ranked by λ ln p(word | topic) + (1 - λ) ln lift; .6 is theirs."""


@dataclass(frozen=True)
class TopicModel:
    """K topics over V words."""

    words: list[str]
    word_weights: NDArray[np.float64]
    """λ [K, V]: the variational Dirichlet parameters of the topics."""
    prior: float
    """α of each topic in a user."""
    word_frequencies: NDArray[np.float64]
    """[V]: how often each word came up among all users, adding up to 1."""

    @property
    def word_shares(self) -> NDArray[np.float64]:
        """Probability of each word within a topic, [K, V], rows adding up to 1."""
        shares: NDArray[np.float64] = self.word_weights / self.word_weights.sum(axis=1, keepdims=True)
        return shares

    @property
    def expected_log_words(self) -> NDArray[np.float64]:
        """E[ln β] [K, V] under the variational posterior: ψ(λ) - ψ(Σλ)."""
        from scipy.special import psi

        expected: NDArray[np.float64] = psi(self.word_weights) - psi(self.word_weights.sum(axis=1, keepdims=True))
        return expected

    @property
    def topic_shares(self) -> NDArray[np.float64]:
        """Share of all words that each topic holds, [K]."""
        held = self.word_weights.sum(axis=1)
        shares: NDArray[np.float64] = held / held.sum()
        return shares

    def ranked_words(self) -> NDArray[np.int64]:
        """Numbers of the words of each topic, [K, V], the most relevant first."""
        shares = self.word_shares
        relevance = RELEVANCE * np.log(shares) + (1 - RELEVANCE) * np.log(shares / self.word_frequencies)
        return np.argsort(-relevance, axis=1, kind="stable")

    def top_words(self) -> list[TopicWord]:
        """The most relevant words of each topic, at most TOP_WORDS; a topic is named by its first three."""
        shares = self.word_shares
        found = []
        for topic, ranked in enumerate(self.ranked_words()):
            name = ", ".join(self.words[number] for number in ranked[:NAME_WORDS])
            for rank, number in enumerate(ranked[:TOP_WORDS]):
                weight = float(shares[topic, number])
                found.append(
                    TopicWord(
                        topic=topic + 1,
                        topic_name=name,
                        topic_share=round(float(self.topic_shares[topic]), 6),
                        word=self.words[number],
                        word_rank=rank + 1,
                        weight=round(weight, 9),
                        lift=round(weight / float(self.word_frequencies[number]), 6),
                    )
                )
        return found


def fit(counts: Any, words: list[str], topics: int, seed: int) -> TopicModel:
    """Latent Dirichlet allocation by batch variational Bayes over sparse counts [users, V]; the same seed, the same model."""
    from sklearn.decomposition import LatentDirichletAllocation

    learner = LatentDirichletAllocation(
        topics, doc_topic_prior=PRIOR, topic_word_prior=PRIOR, learning_method="batch", max_iter=PASSES, random_state=seed
    ).fit(counts)
    weights = np.asarray(learner.components_, dtype=np.float64)
    heaviest_first = np.argsort(-weights.sum(axis=1), kind="stable")
    return TopicModel(words, weights[heaviest_first], PRIOR, word_frequencies(counts))


def word_frequencies(counts: Any) -> NDArray[np.float64]:
    """Share of each word among all counts [users, V], each word counted half a time more so that none is impossible."""
    frequencies = np.asarray(counts.sum(axis=0), dtype=np.float64).reshape(-1) + 0.5
    found: NDArray[np.float64] = frequencies / frequencies.sum()
    return found

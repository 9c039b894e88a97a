"""Task: interest topics. Nothing is labelled; a model is judged by the words that users buy next."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.judges import PerUserJudge
from models_onnx.task import Finding, Task, Trained, TrainingContext
from models_onnx.time_split import FEWEST_BUYERS, ThinData, TimeSplit, window_split
from models_onnx.topics.documents import Documents, read_documents, vocabulary
from models_onnx.topics.graph import ROUNDS, to_onnx
from models_onnx.topics.held_out import HeldOutWords, coherence, likeness
from models_onnx.topics.model import PASSES, PRIOR, TopicModel, fit, word_frequencies
from udfs.scorer import Scorer
from udfs.topics import TopicScorer

NUMBERS_OF_TOPICS = (10, 20, 30)
CLOSE_TO_BEST = 1.02
"""The fewest topics whose perplexity on validation is within this factor of the best: more of them read worse."""
FEWEST_WORDS = 50
STARTS = 3
"""Seeds tried with the chosen number of topics; how alike their topics are tells how stable they are."""
OWN_STRENGTHS = (100.0, 300.0, 1000.0)
OVERALL, OWN, OWN_AND_TOPICS = "rule: all users alike", "rule: own words", "own words + topics"
MODEL_FILE = "model.onnx"
MEASURE = "log_likelihood_new_words"


@dataclass(frozen=True)
class _Read:
    words: list[str]
    train: Documents
    validation: HeldOutWords
    test: HeldOutWords


_Candidate = tuple[TopicModel, TopicScorer, dict[str, float]]
"""A fitted model, what would serve it, and its measures on validation."""


@dataclass(frozen=True)
class TopicTask:
    """Latent Dirichlet allocation over users' words before the newest training date."""

    name: str = "topics"
    title: str = "interest topics: which words go together in what users buy and look at, and what share of each a user has"
    horizon_days: int = 28
    feature_models: tuple[str, ...] = ("topic_documents", "topic_vocabulary", "topic_labels")

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        """As-of dates four weeks apart; raises ThinData."""
        return window_split(first_day, data_until, self.horizon_days)

    def train(self, context: TrainingContext) -> Trained:
        """Fit each number of topics, choose it and the best of a few starts on validation, measure on test. Raises ThinData."""
        read = self._read(context)
        steps = len(NUMBERS_OF_TOPICS) + STARTS - 1
        candidates: dict[int, _Candidate] = {}
        for done, topics in enumerate(NUMBERS_OF_TOPICS):
            context.progress(f"{topics} topics", done, steps)
            candidates[topics] = self._candidate(read, topics, context.seed)
        best = min(measures["perplexity"] for _, _, measures in candidates.values())
        chosen = min(topics for topics, (_, _, measures) in candidates.items() if measures["perplexity"] <= CLOSE_TO_BEST * best)
        starts = [candidates[chosen]]
        for number in range(1, STARTS):
            context.progress(f"{chosen} topics, start {number + 1}", len(NUMBERS_OF_TOPICS) + number - 1, steps)
            starts.append(self._candidate(read, chosen, context.seed + number))
        # Variational Bayes may come to rest where two topics are one, so the best of a few starts serves.
        start = min(range(STARTS), key=lambda number: starts[number][2]["perplexity"])
        model, scorer, validation = starts[start]
        others = [
            likeness(model.word_shares, other.word_shares) for number, (other, _, _) in enumerate(starts) if number != start
        ]
        context.progress("measuring", steps, steps)
        strength = min(OWN_STRENGTHS, key=lambda tried: _own(read.validation, model, tried)["perplexity"])
        windows = {"validation": read.validation, "test": read.test}
        baselines = {name: _baselines(held_out, model, scorer, strength) for name, held_out in windows.items()}
        metrics: dict[str, dict[str, dict[str, Any]]] = {
            self.name: {"validation": validation, "test": _measured(model, scorer, read.test)}
        }
        for topics, (_, _, measures) in candidates.items():
            if topics != chosen:
                metrics[f"candidate: {topics} topics"] = {"validation": measures}
        for baseline in baselines["test"]:
            metrics[baseline] = {window: held_out.measures(baselines[window][baseline]) for window, held_out in windows.items()}
        for window, held_out in windows.items():
            metrics[OVERALL][window]["npmi"] = float(_of_frequent_words(model, held_out))
        judge = _judge()
        scores = read.test.log_likelihood(scorer)
        metrics[self.name]["test"][f"{MEASURE}_interval_95"] = list(judge.interval(scores))
        return Trained(
            kind="topics",
            file=MODEL_FILE,
            files={MODEL_FILE: to_onnx(model)},
            card={
                "task": self.title,
                "horizon_days": self.horizon_days,
                "features": ["words", "word_counts"],
                "split": {
                    name: {"first": day, "last": day, "as_of_dates": 1, "rows": rows}
                    for name, day, rows in (
                        ("train", max(context.split.train), read.train.before.shape[0]),
                        ("validation", max(context.split.validation), read.validation.documents.before.shape[0]),
                        ("test", max(context.split.test), read.test.documents.before.shape[0]),
                    )
                },
                "settings": {
                    "topics": chosen,
                    "words": len(read.words),
                    "prior_of_topics": PRIOR,
                    "prior_of_words": PRIOR,
                    "passes": PASSES,
                    "inference_rounds": ROUNDS,
                    "own_words_strength": strength,
                },
                "choice": (
                    f"the fewest of {', '.join(map(str, NUMBERS_OF_TOPICS))} topics whose perplexity on validation is within "
                    f"{CLOSE_TO_BEST - 1:.0%} of the best"
                ),
                "stability": {
                    "measure": "cosine of matched topics' word probabilities, the serving start against each other one",
                    "serving_seed": context.seed + start,
                    "perplexity_on_validation": [measures["perplexity"] for _, _, measures in starts],
                    "mean": [float(found.mean()) for found in others],
                    "topics_above_0.8": [float((found > 0.8).mean()) for found in others],
                },
                "topics": _named(model),
                "good_for": "reading, grouping and as features; what users buy again, their own history tells better",
            },
            metrics=metrics,
            judge=judge,
            test_inputs=read.test,
            test_scores=scores,
            baseline_scores={OVERALL: read.test.log_likelihoods(baselines["test"][OVERALL])[read.test.judged_users]},
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        """Perplexity and coherence of the champion on the test window, the baselines beside them."""
        read = self._read(context)
        held_out, judge = read.test, _judge()
        overall = held_out.of_all_users(word_frequencies(read.train.before))
        plain = held_out.measures(overall)
        rows = len(held_out.judged_users)
        if not isinstance(scorer, TopicScorer):
            note = "no champion is registered" if scorer is None else "the champion is no topic model"
            return [Finding(self.name, "perplexity_new_words", float("nan"), None, {}, rows, note)]
        probabilities = held_out.probabilities(scorer)
        measures = held_out.measures(probabilities)
        likelihoods = held_out.log_likelihood(scorer)
        alike = held_out.log_likelihoods(overall)[held_out.judged_users]
        gain, lower, upper = judge.gain(likelihoods, alike)
        beyond = "beyond noise" if lower > 0 else "within noise"
        findings = [
            Finding(
                self.name,
                MEASURE,
                measures[MEASURE],
                judge.interval(likelihoods),
                {OVERALL: plain[MEASURE]},
                rows,
                f"gain {gain:+.4f} ({lower:+.4f} to {upper:+.4f}), {beyond}; higher is better",
            )
        ]
        own = min(
            (held_out.of_own_words(overall, strength) for strength in OWN_STRENGTHS),
            key=lambda found: held_out.measures(found)["perplexity"],
        )
        for measure, note in (
            ("perplexity_new_words", "lower is better"),
            ("perplexity", "lower is better; own words know what will be bought again, topics don't"),
        ):
            baselines = {OVERALL: plain[measure]} | ({OWN: held_out.measures(own)[measure]} if measure == "perplexity" else {})
            findings.append(Finding(self.name, measure, measures[measure], None, baselines, rows, note))
        ranked = _ranked_by_weight(scorer, read.words)
        if len(ranked):
            npmi = coherence(ranked, held_out.documents.after)
            frequent = np.argsort(-word_frequencies(read.train.before), kind="stable")[None, :]
            findings.append(
                Finding(
                    self.name,
                    "npmi",
                    float(npmi.mean()),
                    None,
                    {"most frequent words": float(coherence(frequent, held_out.documents.after)[0])},
                    rows,
                    "of each topic's ten most probable words that the shop has",
                )
            )
        return findings

    def _candidate(self, read: _Read, topics: int, seed: int) -> _Candidate:
        model = fit(read.train.before, read.words, topics, seed)
        scorer = TopicScorer(self.name, to_onnx(model))
        return model, scorer, _measured(model, scorer, read.validation)

    def _read(self, context: TrainingContext) -> _Read:
        split = context.split
        context.progress("reading", 0, None)
        words = vocabulary(context.connection, max(split.train))
        if len(words) < FEWEST_WORDS:
            raise ThinData(f"users have {len(words)} words in common; topics need {FEWEST_WORDS}")
        train, validation, test = (
            read_documents(context.connection, max(dates), words) for dates in (split.train, split.validation, split.test)
        )
        users = train.before.shape[0]
        if users < FEWEST_BUYERS:
            raise ThinData(f"{users} users have a history; topics need {FEWEST_BUYERS}")
        found = _Read(words, train, HeldOutWords(words, validation), HeldOutWords(words, test))
        for name, held_out in (("validation", found.validation), ("test", found.test)):
            if len(held_out.judged_users) < 2:
                raise ThinData(f"nobody bought a new word in the {name} window")
        return found


def _judge() -> PerUserJudge:
    return PerUserJudge(MEASURE, lambda scores: np.asarray(scores, dtype=np.float64))


def _measured(model: TopicModel, scorer: TopicScorer, held_out: HeldOutWords) -> dict[str, float]:
    most_probable = np.argsort(-model.word_shares, axis=1, kind="stable")
    return held_out.measures(held_out.probabilities(scorer)) | {
        "npmi": float(coherence(most_probable, held_out.documents.after).mean())
    }


def _baselines(held_out: HeldOutWords, model: TopicModel, scorer: TopicScorer, strength: float) -> dict[str, NDArray[np.float64]]:
    overall = held_out.of_all_users(model.word_frequencies)
    return {
        OVERALL: overall,
        OWN: held_out.of_own_words(overall, strength),
        OWN_AND_TOPICS: held_out.of_own_words(held_out.probabilities(scorer), strength),
    }


def _own(held_out: HeldOutWords, model: TopicModel, strength: float) -> dict[str, float]:
    return held_out.measures(held_out.of_own_words(held_out.of_all_users(model.word_frequencies), strength))


def _of_frequent_words(model: TopicModel, held_out: HeldOutWords) -> float:
    ranked = np.argsort(-model.word_frequencies, kind="stable")[None, :]
    return float(coherence(ranked, held_out.documents.after)[0])


def _ranked_by_weight(scorer: TopicScorer, words: list[str]) -> NDArray[np.int64]:
    """Numbers in `words` of each topic's ten most probable words among its top words, [K, 10]; topics with fewer left out."""
    number = {word: place for place, word in enumerate(words)}
    found = []
    for topic in sorted({entry.topic for entry in scorer.top_words}):
        entries = sorted((entry for entry in scorer.top_words if entry.topic == topic), key=lambda entry: -entry.weight)
        known = [number[entry.word] for entry in entries if entry.word in number][:10]
        if len(known) == 10:
            found.append(known)
    return np.array(found, dtype=np.int64)


def _named(model: TopicModel) -> list[dict[str, Any]]:
    return [
        {"topic": word.topic, "name": word.topic_name, "share": word.topic_share}
        for word in model.top_words()
        if word.word_rank == 1
    ]


TASK: Task = TopicTask()  # type: ignore[assignment]

"""Topics: planted ones are found, the ONNX graph infers as scikit-learn does, and words of another shop count for nothing."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnx
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import LatentDirichletAllocation

from models_onnx.gate import decide
from models_onnx.task import TrainingContext
from models_onnx.time_split import ThinData, TimeSplit
from models_onnx.topics import task as topic_task
from models_onnx.topics.documents import Documents
from models_onnx.topics.graph import to_onnx
from models_onnx.topics.held_out import UNKNOWN, HeldOutWords, coherence, likeness
from models_onnx.topics.model import PRIOR, TopicModel, fit
from models_onnx.topics.task import TASK
from udfs.duckdb_functions import register_functions
from udfs.model_registry import ModelRefused
from udfs.scorer import score_column
from udfs.scorer_kinds import scorer_from
from udfs.topics import TopicScorer

TOPICS, WORDS_EACH = 3, 20
WORDS = [f"{topic}{place:02}" for topic in "abc" for place in range(WORDS_EACH)]
DAYS = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)]


def planted(users: int, words_a_user: int, seed: int) -> NDArray[np.float64]:
    """Counts [users, 60]: each user has a main topic (0, 1 or 2 by turns; topic 0 twice as often) and a tenth of noise."""
    random = np.random.default_rng(seed)
    main = np.array([0, 0, 1, 2])[np.arange(users) % 4]
    topic = np.where(random.random((users, words_a_user)) < 0.9, main[:, None], random.integers(0, TOPICS, (users, words_a_user)))
    # Within a topic the first words are the frequent ones.
    place = np.floor(WORDS_EACH * random.random((users, words_a_user)) ** 1.5).astype(np.int64)
    counts = np.zeros((users, len(WORDS)))
    np.add.at(counts, (np.arange(users)[:, None], WORDS_EACH * topic + place), 1)
    return counts


@pytest.fixture(scope="module")
def counts() -> NDArray[np.float64]:
    return planted(400, 30, 1)


@pytest.fixture(scope="module")
def model(counts: NDArray[np.float64]) -> TopicModel:
    return fit(sparse.csr_matrix(counts), WORDS, TOPICS, seed=2)


@pytest.fixture(scope="module")
def scorer(model: TopicModel) -> TopicScorer:
    return TopicScorer("topics", to_onnx(model))


def lists(*rows: tuple[list[str | None] | None, list[float | None] | None]) -> tuple[pa.Array, pa.Array]:
    words, numbers = zip(*rows, strict=True)
    return pa.array(words, type=pa.list_(pa.string())), pa.array(numbers, type=pa.list_(pa.float32()))


def test_planted_topics_are_found_whatever_the_seed(counts: NDArray[np.float64], model: TopicModel) -> None:
    truth = np.zeros((TOPICS, len(WORDS)))
    for topic in range(TOPICS):
        words = slice(WORDS_EACH * topic, WORDS_EACH * (topic + 1))
        truth[topic, words] = counts[:, words].sum(axis=0)
    assert likeness(truth, model.word_shares).min() > 0.97
    another = fit(sparse.csr_matrix(counts), WORDS, TOPICS, seed=5)
    assert likeness(model.word_shares, another.word_shares).min() > 0.97
    again = fit(sparse.csr_matrix(counts), WORDS, TOPICS, seed=2)
    assert to_onnx(again) == to_onnx(model)


def test_topics_stand_in_the_order_of_weight_and_are_named_by_their_words(model: TopicModel) -> None:
    assert (np.diff(model.topic_shares) < 0).all()
    top = model.top_words()
    assert {word.topic_name.split(", ")[0][0] for word in top if word.topic == 1} == {"a"}
    for topic in (1, 2, 3):
        own = [word for word in top if word.topic == topic]
        assert [word.word_rank for word in own] == list(range(1, len(own) + 1))
        assert own[0].topic_name == ", ".join(word.word for word in own[:3])
        assert len({word.word[0] for word in own[:10]}) == 1
        assert all(word.lift > 1 for word in own[:10])


def test_the_graph_infers_what_scikit_learn_infers(counts: NDArray[np.float64], model: TopicModel) -> None:
    learner = LatentDirichletAllocation(
        TOPICS, doc_topic_prior=PRIOR, topic_word_prior=PRIOR, learning_method="batch", max_iter=20, random_state=2,
        max_doc_update_iter=2000, mean_change_tol=1e-7,
    ).fit(counts)  # fmt: skip
    order = np.argsort(-learner.components_.sum(axis=1), kind="stable")
    own = TopicModel(WORDS, learner.components_[order], PRIOR, model.word_frequencies)
    expected = learner.transform(counts)[:, order]
    found = TopicScorer("topics", to_onnx(own, rounds=500)).score(counts)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    served = TopicScorer("topics", to_onnx(own)).score(counts)
    assert np.abs(served - expected).max() < 0.02


def test_shares_add_up_and_do_not_depend_on_the_rows_beside(counts: NDArray[np.float64], scorer: TopicScorer) -> None:
    shares = scorer.score(counts)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([scorer.score(counts[:7]), scorer.score(counts[7:])]), shares, atol=1e-5)
    order = np.random.default_rng(1).permutation(len(counts))
    np.testing.assert_allclose(scorer.score(counts[order]), shares[order], atol=1e-5)
    np.testing.assert_allclose(scorer.word_probabilities(counts).sum(axis=1), 1, atol=1e-5)
    assert scorer.score(counts[:0]).shape == (0, TOPICS)
    extremes = np.zeros((3, len(WORDS)))
    extremes[1, 0], extremes[2, 5] = 1e-6, 1e6
    assert np.isfinite(scorer.score(extremes)).all()


def test_words_find_their_numbers_and_strangers_count_for_nothing(scorer: TopicScorer) -> None:
    words, numbers = lists(
        (["a00", "b01", "a00"], [1, 2, 3]),
        (["a00", "unheard of", None], [2, 1, 1]),
        (["a00", "b00", "c00"], [None, -1, 1]),
    )
    batch, valid = scorer.dense_batch(words, numbers)
    assert valid.all()
    assert batch[0, [0, WORDS_EACH + 1]].tolist() == [4, 2]
    assert batch.sum(axis=1).tolist() == [6, 2, 1]
    unscorable = lists(
        (None, [1.0]),
        (["a00"], None),
        (["a00", "b00"], [1.0]),
        ([], []),
        (["unheard of"], [1.0]),
        (["a00", "unheard of"], [1.0, 1.1]),  # fewer than half of it known
        (["a00"], [0.0]),
        (["a00"], [float("nan")]),
    )
    assert score_column(scorer, *unscorable).null_count == len(unscorable[0])
    sliced = score_column(scorer, words.slice(1, 1), numbers.slice(1, 1)).to_pylist()
    assert sliced == [pytest.approx(score_column(scorer, words, numbers).to_pylist()[1], abs=1e-6)]
    mixed = [pa.concat_arrays([one, two]) for one, two in zip((words, numbers), unscorable, strict=True)]
    assert score_column(scorer, *mixed).null_count == len(unscorable[0])
    assert score_column(scorer, words[:0], numbers[:0]).to_pylist() == []


def stripped(content: bytes, **changed: str) -> bytes:
    """The model with other metadata."""
    made = onnx.load_from_string(content)
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, changed)
    return bytes(made.SerializeToString())


def test_a_model_that_cannot_serve_is_refused_by_name(model: TopicModel) -> None:
    content = to_onnx(model)
    for broken, message in (
        (b"no model", "onnxruntime can't load"),
        (content[: len(content) // 2], "onnxruntime can't load"),
        (stripped(content), "must carry its words"),
        (stripped(content, words="[]", top_words="nonsense"), "must carry its words"),
        (stripped(content, words='["one"]', top_words="[]"), "reads 60 counts and names 1"),
    ):
        with pytest.raises(ModelRefused, match=message) as refusal:
            scorer_from("topics", "topics", broken)
        assert str(refusal.value).startswith("topics: ")
        assert "\n" not in str(refusal.value)


def test_sql_reads_shares_and_top_words(model: TopicModel, tmp_path: Path) -> None:
    content = to_onnx(model)
    (tmp_path / "topics.onnx").write_bytes(content)
    entry = {"file": "topics.onnx", "sha256": hashlib.sha256(content).hexdigest(), "kind": "topics"}
    (tmp_path / "registry.json").write_text(json.dumps({"topics": entry}))
    with duckdb.connect() as connection:
        register_functions(connection, {"models_folder": str(tmp_path)})

        def value(expression: str) -> Any:
            return connection.execute(f"select {expression}").fetchall()[0][0]

        shares = value("topics(['c00', 'c01', 'c02'], [3, 2, 2]::float[])")
        topic = int(np.argmax(shares)) + 1
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert value("topics(['other', 'shop'], [3, 2]::float[])") is None
        assert value("topics(null, [1]::float[])") is None
        top = connection.execute(
            "select word from (select unnest(topic_words('topics')) as entry) as words(word) where word.topic = $topic",
            {"topic": topic},
        ).fetchall()
        assert {word["word"][0] for (word,) in top[:10]} == {"c"}
        assert value("topic_words(null)") is None


class Fixed:
    """A word model that says the same of everyone."""

    def __init__(self, words: list[str], probabilities: list[float]) -> None:
        self.words, self._probabilities = words, np.array(probabilities, dtype=np.float32)

    def word_probabilities(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        return np.tile(self._probabilities, (len(batch), 1))


def test_held_out_words_are_judged_among_those_new_to_the_user() -> None:
    before = sparse.csr_matrix(np.array([[1.0, 0, 0], [0, 2, 0], [1, 1, 1]]))
    after = sparse.csr_matrix(np.array([[3.0, 1, 0], [0, 1, 0], [1, 0, 0]]))
    held_out = HeldOutWords(["x", "y", "z"], Documents(before, after))
    assert held_out.judged_users.tolist() == [0]  # the others bought nothing new
    spread = lambda p: (1 - UNKNOWN) * p + UNKNOWN / 3  # noqa: E731
    known = Fixed(["z", "y", "x"], [0.2, 0.3, 0.5])
    expected = np.log(spread(0.3) / (spread(0.3) + spread(0.2)))
    assert held_out.log_likelihood(known) == pytest.approx([expected], abs=1e-6)
    measures = held_out.measures(held_out.probabilities(known))
    logs = 3 * np.log(spread(0.5)) + np.log(spread(0.3)) + np.log(spread(0.3)) + np.log(spread(0.5))
    assert measures["perplexity"] == pytest.approx(np.exp(-logs / 6), rel=1e-5)
    assert measures["rows"] == 3
    # A model without the word finds it unlikely, not impossible.
    lacking = held_out.log_likelihood(Fixed(["x", "z"], [0.5, 0.5]))
    assert lacking == pytest.approx([np.log((UNKNOWN / 3) / (UNKNOWN / 3 + spread(0.5)))], abs=1e-6)


def test_coherence_knows_together_by_chance_and_never() -> None:
    after = np.zeros((8, 6))
    after[:4, :2] = 1  # always together
    after[:4, 2], after[4:, 3] = 1, 1  # never
    after[[0, 1, 4, 5], 4], after[[0, 2, 4, 6], 5] = 1, 1  # by chance
    found = coherence(np.array([[0, 1], [2, 3], [4, 5]]), sparse.csr_matrix(after), words=2)
    np.testing.assert_allclose(found, [1, -1, 0], atol=1e-9)


def context_of(before: dict[date, NDArray[np.float64]], after: dict[date, NDArray[np.float64]]) -> TrainingContext:
    """Feature tables in memory with such counts."""
    connection = duckdb.connect()
    connection.execute("create schema features")

    def table(parts: dict[date, NDArray[np.float64]]) -> pa.Table:
        rows = [
            (day, f"user {user}", WORDS[word], float(counts[user, word]))
            for day, counts in parts.items()
            for user, word in np.argwhere(counts > 0)
        ]
        columns = list(zip(*rows, strict=True)) or [[], [], [], []]
        types = [pa.date32(), pa.string(), pa.string(), pa.float32()]
        arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
        return pa.table(arrays, names=["as_of_date", "user_id", "word", "word_count"])

    for name, parts in (("user_words", before), ("topic_labels", after)):
        connection.register("rows", table(parts))
        connection.execute(f"create table features.{name} as from rows")
    connection.execute("create table features.topic_documents as select distinct as_of_date, user_id from features.user_words")
    connection.execute("""
        create table features.topic_vocabulary as
        select as_of_date, word, row_number() over (partition by as_of_date order by count(*) desc, word) as word_number
        from features.user_words
        group by as_of_date, word
    """)
    return TrainingContext(connection, TimeSplit(DAYS[:1], DAYS[1:2], DAYS[2:]), {}, 2, "planted", lambda *_: None)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_task, "NUMBERS_OF_TOPICS", (3, 6))
    monkeypatch.setattr(topic_task, "STARTS", 2)


@pytest.mark.usefixtures("small")
def test_training_finds_planted_topics_and_beats_the_average_user() -> None:
    users = 520
    context = context_of({day: planted(users, 30, 1) for day in DAYS}, {day: planted(users, 12, 5) for day in DAYS[1:]})
    trained = TASK.train(context)
    assert trained.card["settings"]["topics"] == 3
    starts = trained.card["stability"]["perplexity_on_validation"]
    assert trained.metrics["topics"]["validation"]["perplexity"] == min(starts)
    verdict = decide("topics", trained, None)
    assert verdict.serves, verdict.reason
    champion = scorer_from("topics", trained.kind, trained.files[trained.file])
    # The champion is judged on the same words; a model can't beat itself.
    against_itself = decide("topics", trained, champion)
    assert not against_itself.serves
    assert against_itself.comparisons[0].gain == pytest.approx(0, abs=1e-9)
    findings = {finding.measure: finding for finding in TASK.evaluate(context, champion)}
    measured = trained.metrics["topics"]["test"]
    assert findings["perplexity"].reached == pytest.approx(measured["perplexity"], rel=1e-6)
    assert findings["perplexity"].reached < findings["perplexity"].baselines["rule: all users alike"]
    assert findings["npmi"].reached > findings["npmi"].baselines["most frequent words"]
    assert TASK.evaluate(context, None)[0].note == "no champion is registered"
    again = TASK.train(context)
    assert again.files == trained.files
    assert again.metrics == trained.metrics


@pytest.mark.usefixtures("small")
def test_words_without_topics_do_not_pass_the_gate() -> None:
    random = np.random.default_rng(3)
    mixed = {day: random.permuted(planted(520, 30, 1), axis=1) for day in DAYS}
    after = {day: random.permuted(planted(520, 12, 5), axis=1) for day in DAYS[1:]}
    assert not decide("topics", TASK.train(context_of(mixed, after)), None).serves


def test_thin_data_are_refused_in_one_line() -> None:
    few_users = {day: planted(499, 30, 1) for day in DAYS}
    with pytest.raises(ThinData, match=r"^499 users have a history; topics need 500$"):
        TASK.train(context_of(few_users, few_users))
    few_words = {day: planted(520, 30, 1) * (np.arange(len(WORDS)) < 49) for day in DAYS}
    with pytest.raises(ThinData, match=r"^users have 49 words in common; topics need 50$"):
        TASK.train(context_of(few_words, few_words))
    with pytest.raises(ThinData, match="nobody bought a new word in the validation window"):
        TASK.train(context_of({day: planted(520, 30, 1) for day in DAYS}, {DAYS[2]: planted(520, 30, 2)}))

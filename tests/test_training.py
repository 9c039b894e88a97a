"""`promo train` from the shop's tables to what serves; and what it does when there is too little, too much or no room."""

import errno
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from small_shop import write_small_shop

from models_onnx import tasks, time_split, versions
from models_onnx.judges import AucJudge
from models_onnx.tabular.fit import TabularSettings
from models_onnx.tabular.task import TabularTask
from models_onnx.task import Finding, Trained, TrainingContext
from models_onnx.time_split import ThinData, TimeSplit
from models_onnx.versions import Versions
from promo_cli import dbt_runner, training_set
from promo_cli import train as command
from promo_cli.connectors import files
from promo_cli.errors import PromoError
from promo_cli.lock import training_lock
from promo_cli.training_outcome import refuse_thin, settle
from promo_cli.training_set import Shop
from promo_cli.warehouse import open_warehouse
from udfs.model_registry import MODELS_FOLDER, ModelRegistry
from udfs.rule import RuleScorer
from udfs.scorer import Scorer
from udfs.served_models import ServedModels, load_scorer

Promo = Callable[..., tuple[int, str, str]]
SHOP = Shop("a small shop", 900, 900, date(2024, 1, 1), date(2025, 1, 1))
ELSEWHERE = Shop("another shop", 900, 900, date(2020, 1, 1), date(2025, 1, 1))

RANDOM = np.random.default_rng(9)
LABELS = RANDOM.integers(0, 2, 900).astype(np.float64)
NOISE = RANDOM.normal(size=900)


@dataclass(frozen=True)
class PlannedTask:
    """A task whose model is as good as it is told to be: `strength` is added to the scores of positive rows."""

    name: str = "interest"
    strength: float = 1.0
    error: Exception | None = None
    refusal: str | None = None
    judged: bool = True
    jitter: float = 0.0
    baseline: float = 0.4
    title: str = "bought in the next 28 days"
    horizon_days: int = 28
    feature_models: list[str] = field(default_factory=lambda: ["user_features"])

    def split(self, first_day: date, data_until: date, dates: list[date] | None = None) -> TimeSplit:
        return TimeSplit([first_day], [first_day + timedelta(days=1)], [first_day + timedelta(days=2)])

    def train(self, context: TrainingContext | None = None) -> Trained:
        if self.error:
            raise self.error
        scores = self.strength * LABELS + NOISE + self.jitter * np.random.default_rng(1).normal(size=900)
        # The linear form answers σ(u · p): its first pair gives the scores back.
        inputs = np.zeros((900, 7), dtype=np.float32)
        inputs[:, 0], inputs[:, 3] = LABELS, 1
        inputs[:, 1], inputs[:, 4] = NOISE, 1
        weights = [self.strength, 1.0, self.jitter]
        return Trained(
            kind="linear",
            file="model.json",
            files={"model.json": tiny_models.linear_model(weights=weights)},
            card={"task": self.title, "features": list("abcdefg")},
            metrics={self.name: {"test": {"auc": 0.8}}},
            judge=AucJudge(LABELS, np.arange(900) // 3) if self.judged else None,
            test_inputs=inputs,
            test_scores=scores,
            baseline_scores={"rule: rate": self.baseline * LABELS + NOISE},
            refusal=self.refusal,
        )

    def evaluate(self, context: TrainingContext, scorer: Scorer | None) -> list[Finding]:
        return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models_onnx"
    path.mkdir()
    return tiny_models.write_models(path)


def settled(folder: Path, strength: float, shop: Shop = SHOP, **changes: Any) -> tuple[str, str]:
    task = PlannedTask(strength=strength, **changes)
    outcome = settle(Versions(folder), "interest", task.train(), shop, 1, "promo train interest --seed 1")
    return outcome.verdict, outcome.reason


def serving(folder: Path) -> str:
    return ModelRegistry(folder).model_version("interest")


# What becomes of a trained model.


def test_only_what_is_beyond_noise_takes_the_champions_place(folder: Path) -> None:
    shipped = serving(folder)  # boosted trees over eight features: they can't be compared with seven
    verdict, reason = settled(folder, 1.0)
    assert verdict == "champion"
    assert reason.endswith("the champion can't be compared (it reads 8 values a row, the new one 7)")
    first = serving(folder)
    assert settled(folder, 1.0) == ("unchanged", "the same model as the champion came out")
    weaker = settled(folder, 1.0, baseline=1.3)[1]
    assert re.fullmatch(r"the same model as the champion came out, below rule: rate \(0\.\d{4}\)", weaker)
    verdict, reason = settled(folder, 1.0, jitter=0.05)
    assert verdict == "challenger"
    assert reason.startswith("not beyond noise: auc ")
    assert "against the champion; the champion stays, at 0." in reason
    assert serving(folder) == first
    verdict, reason = settled(folder, 1.5)
    assert verdict == "champion"
    assert "against the champion" in reason
    statuses = {line["version"]: line["status"] for line in Versions(folder).lines("interest")}
    assert (statuses[shipped], statuses[first], statuses[serving(folder)]) == ("former", "former", "champion")
    card = Versions(folder).card("interest", Versions(folder).serving("interest") or {})
    assert (card["parent"], card["seed"], card["measure"]) == (first, 1, "auc")
    assert card["shop"] == {"source": "a small shop", "first_day": "2024-01-01"}
    assert card["gate"]["compared_on_test"][0]["lower"] > 0


def test_a_champion_whose_features_have_other_names_is_not_compared(folder: Path) -> None:
    settled(folder, 1.0)
    trained = PlannedTask(strength=0.9).train()
    renamed = replace(trained, card={"features": list("gfedcba")})
    outcome = settle(Versions(folder), "interest", renamed, SHOP, 1, "")
    assert outcome.verdict == "champion"
    assert "its feature vector is another" in outcome.reason


def test_a_corrupt_champion_can_be_replaced(folder: Path) -> None:
    (folder / "interest/model.ubj").write_bytes(b"corrupt")
    verdict, reason = settled(folder, 1.0)
    assert verdict == "champion"
    assert "has SHA-256" in reason
    assert load_scorer(ModelRegistry(folder), "interest")


@pytest.mark.parametrize("damaged", ["model.json", "card.json"])
def test_training_again_mends_the_damaged_files_of_the_same_version(folder: Path, damaged: str) -> None:
    """What a refusal of such a file tells people to do."""
    settled(folder, 1.0)
    first = serving(folder)
    held = Versions(folder)
    parent = (held.serving("interest") or {})["parent"]
    before = (folder / "interest" / first / damaged).read_bytes()
    (folder / "interest" / first / damaged).write_bytes(b"{}")
    verdict, reason = settled(folder, 1.0)
    assert (verdict, serving(folder)) == ("unchanged", first)
    assert reason == "the same model as the champion came out; its damaged files were written anew"
    assert load_scorer(ModelRegistry(folder), "interest")
    assert sorted(line["status"] for line in held.lines("interest")) == ["champion", "former"]
    assert held.card("interest", held.serving("interest") or {})["parent"] == parent
    assert damaged != "model.json" or (folder / "interest" / first / damaged).read_bytes() == before
    # one that served before and would be promoted by the gate, too
    settled(folder, 1.5)
    (folder / "interest" / first / damaged).write_bytes(b"{}")
    settled(folder, 1.0)
    held.promote("interest", first)
    assert load_scorer(ModelRegistry(folder), "interest")


def test_training_again_mends_a_damaged_champion_that_came_with_the_folder(folder: Path) -> None:
    trained = PlannedTask().train()
    (folder / "interest/model.json").write_bytes(trained.files["model.json"])
    version = sha256(trained.files["model.json"]).hexdigest()
    entries = json.loads((folder / "registry.json").read_text())
    entries["interest"] = {"file": "interest/model.json", "sha256": version, "kind": "linear"}
    (folder / "registry.json").write_text(json.dumps(entries))
    (folder / "interest/model.json").write_bytes(b"{}")
    assert settled(folder, 1.0)[0] == "unchanged"
    assert serving(folder) == version[:12]
    assert load_scorer(ModelRegistry(folder), "interest")


def test_what_training_refused_is_kept_as_challenger(folder: Path) -> None:
    before = serving(folder)
    assert settled(folder, 2.0, refusal="its placebo answers too") == ("challenger", "its placebo answers too")
    assert settled(folder, 3.0, judged=False, refusal="clusters fall apart") == ("challenger", "clusters fall apart")
    assert serving(folder) == before
    assert settled(folder, 4.0, judged=False)[0] == "champion"


def test_out_of_disk_while_writing_leaves_the_champion(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = serving(folder)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "model.json")

    with monkeypatch.context() as patched:
        patched.setattr(versions.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            settled(folder, 1.0)
    assert serving(folder) == before
    assert load_scorer(ModelRegistry(folder), "interest")
    assert [path.name for path in (folder / "interest").iterdir()] == ["model.ubj"]


# Too little to learn from.

THIN = ThinData("the shop has 80 buyers over 200 days; training needs 500 over 180")


def with_rule(folder: Path) -> None:
    rule = {"index": 1, "feature_count": 7, "points": [[0, 0.2], [1, 0.6]], "missing": 0.1}
    (folder / "interest/rule.json").write_text(json.dumps(rule))


def test_a_rule_takes_the_place_of_a_model_of_another_shop(folder: Path) -> None:
    with_rule(folder)
    settled(folder, 1.0, shop=ELSEWHERE)
    other = serving(folder)
    outcome, linear = refuse_thin(Versions(folder), "interest", THIN, SHOP)
    assert (outcome.verdict, outcome.is_refusal) == ("rule", True)
    assert outcome.reason == (
        f"{THIN}; until then a rule serves (back to the model of another shop: promo models promote interest {other})"
    )
    assert (linear.model, linear.verdict) == ("interest_linear", "rule")  # what is trained beside it has no better reason to stay
    assert ServedModels(ModelRegistry(folder), {"interest": "linear"}).serving_model("interest") == "interest_linear (rule)"
    models = ServedModels(ModelRegistry(folder))
    assert models.serving_model("interest") == "interest (rule)"
    np.testing.assert_allclose(models.scorer("interest").score(np.full((1, 7), 0.5, dtype=np.float32)), [0.4])
    # Refused again, nothing changes; a model that beats the rule takes its place.
    assert refuse_thin(Versions(folder), "interest", THIN, SHOP)[0].verdict == "rule"
    verdict, reason = settled(folder, 1.0)
    assert verdict == "champion", reason
    assert ServedModels(ModelRegistry(folder)).serving_model("interest") == "interest"


def test_a_champion_that_learned_from_this_shop_stays(folder: Path) -> None:
    with_rule(folder)
    settled(folder, 1.0)
    before = serving(folder)
    outcome = refuse_thin(Versions(folder), "interest", THIN, replace(SHOP, buyers=80, data_until=date(2026, 1, 1)))[0]
    assert (outcome.verdict, serving(folder)) == ("refused", before)
    assert outcome.reason.endswith("the champion learned from this shop and stays")


def test_without_a_rule_the_line_says_what_serves(folder: Path) -> None:
    held = Versions(folder)
    held.write({"unruly": held.lines("interest_linear")})
    (outcome,) = refuse_thin(held, "unruly", THIN, SHOP)
    version = ModelRegistry(folder).model_version("unruly")
    assert outcome.reason.endswith(f"there is no rule for it, so version {version} serves on")
    assert refuse_thin(held, "brand_new", THIN, SHOP)[0].reason.endswith("nothing serves")


# One command at a time.


def test_a_second_training_leaves_with_a_line_that_names_the_first(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from promo_cli.lock import training_lock\n"
        f"with training_lock(Path({str(tmp_path / '.training.lock')!r})): print(1, flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        message = rf"another promo train is at work in .*\(process {holder.pid}, for 0 min\)"
        with pytest.raises(PromoError, match=message) as held, training_lock(tmp_path / ".training.lock"):
            pass
        assert held.value.exit_code == 3
        holder.kill()
        holder.wait()
        with training_lock(tmp_path / ".training.lock"):  # a killed holder stands in nobody's way
            told = json.loads((tmp_path / ".training.lock").read_text())
            assert abs(told["since"] - time.time()) < 60
        assert not (tmp_path / ".training.lock").exists()
    finally:
        holder.kill()
        holder.communicate()


# The whole way, on a small shop.


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    write_small_shop(folder / "shop")
    path = folder / "offerhouse.duckdb"
    with open_warehouse(path) as connection:
        files.load(connection, files.find_shop_files(folder / "shop", "utf-8"), "UTC", "EUR", None)
    return path


def weeks(first_day: date, data_until: date) -> TimeSplit:
    days = [data_until - timedelta(days=7 * week + 7) for week in range(12)]
    return TimeSplit(train=sorted(days[4:]), validation=sorted(days[2:4]), test=sorted(days[:2]))


BUYS_SOON = TabularTask(
    name="buys_soon",
    title="any purchase in the next 7 days",
    horizon_days=7,
    feature_models=["user_features", "purchase_intent_labels"],
    features_var=["recency", "visits"],
    examples_sql="""
        select labels.as_of_date, labels.user_id, labels.is_buyer as label, features.visit_days_28d as visits,
            [features.recency_days, features.visit_days_28d]::float[] as features
        from features.purchase_intent_labels as labels
        inner join features.user_features as features using (as_of_date, user_id)
    """,
    rules={"rule: none": lambda part: np.zeros(len(part.labels))},
    split=weeks,
    settings=TabularSettings(threads=1, rounds=30, eta=0.3, min_child_weight=3),
    rule_feature="visits",
)


@pytest.fixture
def few_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEWEST_BUYERS", "FEWEST_DAYS", "FEWEST_TRAINING_POSITIVES", "FEWEST_TEST_POSITIVES"):
        monkeypatch.setattr(time_split, name, 10)


def test_train_writes_what_serves_and_refuses_the_rest(
    database: Path, folder: Path, few_will_do: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (database.parent / "training.duckdb").write_text("left by a killed run")
    refused = PlannedTask(name="interest", error=ValueError("the features make no sense\nat all"))
    thin = PlannedTask(name="unruly", error=ThinData("the test window holds 3 positive rows; training needs 30"))
    outcomes = command.train_models([thin, BUYS_SOON, refused], database, folder, seed=1, quiet=True)
    assert [(one.model, one.verdict) for one in outcomes] == [
        ("unruly", "refused"), ("buys_soon", "champion"), ("interest", "refused"),
    ]  # fmt: skip
    assert outcomes[2].reason == "the features make no sense at all; what serves stays"
    assert not list(database.parent.glob("*training*"))
    assert not list(folder.glob(".*"))
    line = Versions(folder).serving("buys_soon") or {}
    card = Versions(folder).card("buys_soon", line)
    assert card["data"].endswith("80 buyers, 2025-01-01 to 2025-07-20 (exclusive)")
    assert card["split"]["test"]["as_of_dates"] == 2
    assert {"reliability.svg", "rule.json"} <= set(card["files"])
    scorer = load_scorer(ModelRegistry(folder), "buys_soon")
    assert 0 <= float(scorer.score(np.array([[3, np.nan]], dtype=np.float32))[0]) <= 1
    command.print_outcomes(outcomes)
    told = capsys.readouterr().out
    assert "buys_soon" in told
    assert "rule: none" in told
    assert json.loads(_json(outcomes, capsys))[1]["version"] == line["version"]


def _json(outcomes: Any, capsys: pytest.CaptureFixture[str]) -> str:
    command.print_outcomes(outcomes, as_json=True)
    return capsys.readouterr().out


def test_a_small_shop_is_refused_once_for_every_model(
    database: Path, folder: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rule(folder)
    before = (folder / "registry.json").read_text()
    monkeypatch.setattr(command, "chosen_tasks", lambda names: [PlannedTask(), PlannedTask(name="purchase_intent")])
    code, out, err = promo("train", "--database", database, "--models-folder", folder, "--quiet")
    assert code == 1
    assert err == "promo: not trained: interest, purchase_intent, interest_linear; the table says why\n"
    assert "interest         rule" in out
    assert "purchase_intent  rule" in out  # the shipped rule comes along
    assert "interest: the shop has 80 buyers over 200 days; training needs 500 over 180; until then a rule serves" in out
    assert before != (folder / "registry.json").read_text()
    assert not list(database.parent.glob("*training*"))


def test_a_training_that_breaks_leaves_nothing_behind(
    database: Path, folder: Path, few_will_do: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(training_set.TrainingSet, "_look", stop)
    monkeypatch.setattr(training_set.TrainingSet, "_run", lambda *arguments: (database.parent / "training.duckdb").touch())
    with pytest.raises(KeyboardInterrupt):
        command.train_models([BUYS_SOON], database, folder, seed=1, quiet=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not list(database.parent.glob("*training*"))


def test_a_training_beside_who_writes_the_database_names_it(
    database: Path, folder: Path, few_will_do: None, promo: Promo
) -> None:
    script = f"import duckdb; held = duckdb.connect({str(database)!r}); print(1, flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        code, _, err = promo("train", "churn_risk", "--database", database, "--models-folder", folder, "--quiet")
    finally:
        holder.communicate(b"\n")
    assert code == 3
    assert err == f"promo: {database} is being written by another process (PID {holder.pid}); run again when it ends\n"


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_scores_among_the_features_are_of_the_chosen_models(
    database: Path, folder: Path, promo: Promo, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    told: list[dict[str, str]] = []

    def stop(*arguments: Any, environment: dict[str, str], **options: Any) -> None:
        told.append(environment)
        raise PromoError("seen")

    monkeypatch.setattr(dbt_runner, "run_dbt", stop)
    monkeypatch.setattr(command, "chosen_tasks", lambda names: [PlannedTask()])
    monkeypatch.chdir(folder.parent)
    assert promo(verb, "--database", database, "--models-folder", folder.name, "--quiet")[2] == "promo: seen\n"
    assert told[0]["OFFERHOUSE_MODELS"] == str(folder)


def test_train_is_called_wrongly_in_one_line(promo: Promo, tmp_path: Path) -> None:
    code, _, err = promo("train", "intrest", "--database", tmp_path / "a.duckdb")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("promo: intrest is no model (did you mean interest?); there are: purchase_intent, ")
    code, _, err = promo("train", "interest", "--database", tmp_path / "a.duckdb", "--models-folder", tmp_path / "models")
    assert code == 1
    assert "next: promo demo" in err


def test_every_task_is_there_and_named_as_its_folder() -> None:
    for name in tasks.TASKS:
        task = tasks.task(name)
        assert task.name == name
        assert task.horizon_days > 0 or getattr(task, "dates", None)  # a campaign's label runs as long as the campaign
        assert task.feature_models
        assert task.title
    assert set(tasks.ALIASES.values()) <= set(tasks.TASKS)


def test_shipped_rules_read_the_feature_they_name() -> None:
    """A vector that was changed without its rule would be scored as NULL, or worse."""
    found = 0
    for path in MODELS_FOLDER.glob("*/rule.json"):
        rule = json.loads(path.read_text())
        card_file = path.with_name("card.json")
        features = json.loads(card_file.read_text()).get("features") if card_file.is_file() else None
        if rule.get("input", "features") == "features" and features:
            assert (rule["feature_count"], features[rule["index"]]) == (len(features), rule["feature"]), path
            found += 1
        assert RuleScorer(path.parent.name, path.read_bytes())
    assert found

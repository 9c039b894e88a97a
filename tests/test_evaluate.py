"""`promo evaluate`: findings beside baselines and targets, and one line for whatever can't be measured."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import yaml

pytest.importorskip("sklearn")

from models_onnx import tasks as task_list
from models_onnx.task import Finding
from models_onnx.time_split import ThinData, TimeSplit
from promo_cli import train, training_set
from promo_cli.evaluate import champion
from promo_cli.targets import TARGETS_FILE, shown, targets_for
from promo_cli.training_set import Shop

Promo = Callable[..., tuple[int, str, str]]

SPLIT = TimeSplit([date(2017, 9, 4)], [date(2017, 10, 2)], [date(2017, 10, 30), date(2017, 11, 6)])
RULE = "rule: personal rate"
BLEND = "purchase_intent_blend"


class FakeTask:
    """Reaches what it is told to; notes what it was given."""

    horizon_days = 7
    title = "a fake"
    feature_models = ("user_features",)

    def __init__(self, name: str, findings: list[Finding] | Exception) -> None:
        self.name = name
        self.scorer: Any = None
        self._findings = findings

    def evaluate(self, context: Any, scorer: Any) -> list[Finding]:
        self.scorer = scorer
        if isinstance(self._findings, Exception):
            raise self._findings
        return self._findings


class FakeTrainingSet:
    """A shop whose features need no building; `thin` tasks are refused."""

    def __init__(self, source: str, thin: dict[str, ThinData]) -> None:
        self.shop = Shop(source, 600, 600, date(2017, 1, 1), date(2018, 1, 1))
        self._thin = thin

    def plan(self, tasks: list[Any]) -> Any:
        return [(SPLIT, [task for task in tasks if task.name not in self._thin])], self._thin

    def build(self, split: TimeSplit, tasks: list[Any], tell: Any) -> None:
        tell("features", 1, 1)

    @contextmanager
    def context(self, split: TimeSplit, tell: Any) -> Iterator[Any]:
        yield split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models_onnx"
    path.mkdir()
    return tiny_models.write_models(path)


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, promo: Promo, folder: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs `promo evaluate` over fake tasks on a fake shop."""

    def run(
        tasks: list[FakeTask], *arguments: str, source: str = "complete-journey", thin: dict[str, ThinData] | None = None
    ) -> tuple[int, str, str]:
        @contextmanager
        def training(database: Path, seed: int, tell: Any, models_folder: Path) -> Iterator[FakeTrainingSet]:
            yield FakeTrainingSet(source, thin or {})

        monkeypatch.setattr(training_set, "training_set", training)
        monkeypatch.setattr(train, "chosen_tasks", lambda names: [task for task in tasks if not names or task.name in names])
        return promo("evaluate", *arguments, "--models-folder", folder)

    return run


def intent(reached: float = 0.8312, task: str = "purchase_intent", **changes: Any) -> FakeTask:
    fields = {"task": task, "measure": "auc", "reached": reached, "interval": (0.82, 0.84)}
    findings = [Finding(**{**fields, "baselines": {RULE: 0.798}, "rows": 19_699, **changes})]
    return FakeTask(task, findings)


def line_of(out: str, *words: str) -> str:
    return next(line for line in out.splitlines() if all(word in line for word in words))


@pytest.mark.parametrize(
    ("reached", "verdict"), [(0.8299999, "short of .830"), (0.83, "reached"), (0.8399, "reached"), (0.84, "stretch")]
)
def test_a_figure_is_held_against_its_target_unrounded(
    evaluate: Callable[..., tuple[int, str, str]], reached: float, verdict: str
) -> None:
    code, out, err = evaluate([intent(reached, BLEND)], BLEND)
    assert (code, err) == (0, "")
    assert line_of(out, BLEND, "auc", ".830", ".840").endswith(verdict)


def test_the_network_is_held_against_its_own_bar_and_what_serves_against_the_higher_one(
    evaluate: Callable[..., tuple[int, str, str]],
) -> None:
    _, out, _ = evaluate([intent(0.8258), intent(0.8258, BLEND)])
    assert line_of(out, "purchase_intent ", "auc", ".820").endswith("reached")
    assert line_of(out, BLEND, "auc").endswith("short of .830")


def test_the_table_shows_baselines_intervals_and_the_window(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = evaluate([intent(note="as registered")], "purchase_intent")
    assert code == 0
    assert out.splitlines()[0] == "complete-journey: 600 buyers, 2017-01-01 to 2018-01-01 (exclusive)"
    assert "0.8312  0.8200 to 0.8400" in line_of(out, "purchase_intent", "auc", "reached")
    assert line_of(out, RULE).split() == ["rule:", "personal", "rate", "0.7980"]
    told = line_of(out, "test window 2017-10-30 to 2017-11-06, 19,699 rows")
    assert "auc: as registered" in told


def test_what_was_asked_but_not_measured_is_told(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = evaluate([intent(task=BLEND)], BLEND)
    assert line_of(out, BLEND, "ece", ".015").endswith("not measured")
    assert "churn_risk" not in out
    _, out, _ = evaluate([intent()])
    assert line_of(out, "churn_risk_56d", "auc").endswith("not measured")


def test_another_shop_has_figures_and_no_targets(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = evaluate([intent()], source="files")
    assert code == 0
    assert "0.8312" in out
    for word in ("must reach", "short of", "stretch", "not measured"):
        assert word not in out


def test_lower_is_better_where_it_says_so_and_bars_may_hang_on_a_baseline(
    evaluate: Callable[..., tuple[int, str, str]],
) -> None:
    error = intent(0.02, BLEND, measure="ece", interval=None, baselines={})
    effect = FakeTask("promo_effect", [Finding("promo_effect", "autoc", 0.03, None, {"rule: interest only": 0.013}, 10)])
    _, out, _ = evaluate([error, effect])
    assert line_of(out, BLEND, "ece").endswith("short of .015")
    assert line_of(out, "promo_effect", "autoc", ".026", ".039").endswith("reached")
    lonely = FakeTask("promo_effect", [Finding("promo_effect", "autoc", 0.03, None, {}, 10)])
    _, out, _ = evaluate([lonely])
    assert line_of(out, "promo_effect", "2 × rule: interest only").endswith("no figure for rule: interest only")


def test_json_holds_the_same(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = evaluate([intent(float("nan"), interval=None, note="no champion is registered", task=BLEND)], BLEND, "--json")
    assert code == 0
    found = json.loads(out)
    first, *rest = found["findings"]
    assert first["reached"] is None
    assert first["verdict"] == "not measured"
    assert first["must_reach"] == 0.83
    assert first["baselines"] == {RULE: 0.798}
    assert first["test_window"] == ["2017-10-30", "2017-11-06"]
    assert {one["measure"] for one in rest} == {"ece"}


def test_thin_data_and_a_task_that_refuses_stop_no_other(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    broken = FakeTask("interest", ValueError("the test window holds one class only\nat all"))
    thin = {"churn_risk": ThinData("the shop has 3 buyers over 9 days; training needs 500 over 180")}
    code, out, err = evaluate([intent(), broken, FakeTask("churn_risk", [])], thin=thin)
    assert code == 1
    assert "0.8312" in out
    assert "interest: the test window holds one class only at all" in out
    assert "churn_risk: the shop has 3 buyers over 9 days" in out
    assert err == "promo: not evaluated: churn_risk, interest; the lines above say why\n"


def test_the_registered_champion_is_what_is_measured(evaluate: Callable[..., tuple[int, str, str]]) -> None:
    task, unknown = intent(), FakeTask("churn_risk", [])
    evaluate([task, unknown])
    assert task.scorer.name == "purchase_intent"
    assert unknown.scorer is None


def test_a_card_that_is_another_models_is_one_line(evaluate: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    registry["purchase_intent"]["card"] = "purchase_intent/card.json"
    (folder / "registry.json").write_text(json.dumps(registry))
    (folder / "purchase_intent/card.json").write_text('{"file": {"sha256": "abc"}}')
    code, out, err = evaluate([intent()])
    assert (code, out) == (1, "")
    assert err.startswith(
        "promo: purchase_intent: the card models_onnx/purchase_intent/card.json doesn't describe the registered"
    )
    assert err.count("\n") == 1


def test_an_altered_model_is_one_line(evaluate: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    (folder / "purchase_intent/model.onnx").write_bytes(b"something else")
    code, out, err = evaluate([intent()])
    assert (code, out) == (1, "")
    assert "is registered; run `promo train purchase_intent` or restore the file" in err


def test_a_champion_that_saw_the_window_is_marked(evaluate: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    served = registry["purchase_intent"]
    served["card"] = "purchase_intent/card.json"
    (folder / "registry.json").write_text(json.dumps(registry))
    shop = {"source": "complete-journey", "first_day": "2017-01-01"}
    for last, seen in (("2017-10-29", True), ("2017-10-23", False)):
        card = {"file": {"sha256": served["sha256"]}, "shop": shop, "split": {"train": {"last": last}}}
        (folder / "purchase_intent/card.json").write_text(json.dumps(card))
        _, out, _ = evaluate([intent()])
        assert ("auc: trained on part of this window" in out) == seen


def test_no_champion_means_no_scorer(folder: Path) -> None:
    assert champion("churn_risk", folder) == (None, {})


def test_challengers_alone_are_no_champion_and_stop_no_other(evaluate: Callable[..., tuple[int, str, str]], folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    line = {"version": "0" * 12, "file": "interest/x", "sha256": "0" * 64, "kind": "xgboost", "status": "challenger"}
    registry["interest"] = {"versions": [line]}
    (folder / "registry.json").write_text(json.dumps(registry))
    assert champion("interest", folder) == (None, {})
    unserved = intent(task="interest")
    code, out, err = evaluate([unserved, intent()])
    assert (code, err, unserved.scorer) == (0, "", None)
    assert "purchase_intent" in out


class FakeTrial:
    name, title = "email_trial", "a fake"

    def evaluate_file(self, path: Path, seed: int, progress: Any) -> list[Finding]:
        progress("reading", 1, 1)
        if path.read_text() != "data":
            raise ValueError("the file has no column arm")
        return [Finding("email_trial", "qini", 0.4, (0.1, 0.7), {"random": 0.0}, 100)]


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A registered trial and its file."""
    monkeypatch.setattr(task_list, "TRIALS", {"email_trial": "nowhere"})
    monkeypatch.setattr(task_list, "trial", lambda name: FakeTrial())
    path = tmp_path / "trial.csv"
    path.write_text("data")
    return path


def test_a_trial_is_measured_on_its_file(promo: Promo, trial: Path) -> None:
    code, out, err = promo("evaluate", "email_trial", "--file", trial)
    assert (code, err) == (0, "")
    assert line_of(out, "email_trial", "qini").split()[2:] == ["0.4000", "0.1000", "to", "0.7000"]
    assert "must reach" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("email_trial",), 2, "email_trial is a trial on a file of its own: promo evaluate email_trial --file PATH"),
        (("--file", "x.csv"), 2, "--file goes with the name of one trial; there are: email_trial"),
        (("purchase_intent", "--file", "x.csv"), 2, "--file goes with the name of one trial"),
        (("email_trial", "--file", "nowhere.csv"), 1, "nowhere.csv is not there"),
    ],
)
def test_wrong_calls_are_one_line(promo: Promo, trial: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    found, out, err = promo("evaluate", *arguments)
    assert (found, out) == (code, "")
    assert err.startswith("promo: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_file_that_is_another_is_one_line(promo: Promo, trial: Path) -> None:
    trial.write_text("something else")
    code, _, err = promo("evaluate", "email_trial", "--file", trial)
    assert (code, err) == (1, "promo: email_trial: the file has no column arm\n")


def test_a_shop_that_is_not_there_is_one_line(promo: Promo, folder: Path, tmp_path: Path) -> None:
    code, out, err = promo("evaluate", "purchase_intent", "--database", tmp_path / "no.duckdb", "--models-folder", folder)
    assert (code, out) == (1, "")
    assert "no.duckdb is not there; next: promo demo" in err


def test_an_unknown_model_is_named(promo: Promo) -> None:
    code, _, err = promo("evaluate", "purchase_intend")
    assert code == 2
    assert "did you mean purchase_intent?" in err


def test_the_targets_are_data_that_can_be_read() -> None:
    targets = targets_for("complete-journey")
    assert len(targets) == len(yaml.safe_load(TARGETS_FILE.read_text())["targets"])
    for target in targets.values():
        bars = [target.must_reach.figure, target.stretch.figure if target.stretch else None]
        if None not in bars:
            assert (bars[0] < bars[1]) != target.lower_is_better
    assert targets_for("files") == {}


@pytest.mark.parametrize("fault", ["mustreach: 1", "better: sideways"])
def test_a_target_that_is_none_is_refused(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "targets.yml"
    file.write_text(f"shop: s\ntargets: [{{task: t, measure: m, must_reach: 1, {fault}}}]")
    with pytest.raises(ValueError, match="a target of t has"):
        targets_for("s", file)


def test_figures_of_targets_are_written_as_people_do() -> None:
    assert [shown(figure) for figure in (0.83, 0.085, 0.0085, 46, 3.0, 1.25)] == [".830", ".085", ".0085", "46", "3", "1.250"]

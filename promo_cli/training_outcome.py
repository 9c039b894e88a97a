"""What becomes of a trained model, or of a task that could not be trained: champion, challenger, rule or as it was."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_onnx.gate import Verdict
    from models_onnx.task import Trained
    from models_onnx.versions import Line, Versions
    from promo_cli.training_set import Shop


@dataclass(frozen=True)
class Outcome:
    """One line of what `promo train` tells at its end."""

    model: str
    verdict: str
    """champion, challenger, unchanged, rule or refused."""
    reason: str
    version: str | None = None
    measure: str | None = None
    reached: float | None = None
    """The measure on the test window; higher is better."""
    interval: tuple[float, float] | None = None
    best_baseline: str | None = None
    baseline_reached: float | None = None
    is_refusal: bool = False
    """True when there was too little to train on, or the training refused."""

    def record(self) -> dict[str, Any]:
        """For --json."""
        return {key: value for key, value in asdict(self).items() if key != "is_refusal"}


def settle(versions: "Versions", name: str, trained: "Trained", shop: "Shop", seed: int, command: str) -> Outcome:
    """Judge a trained model by the gate and write it: as champion, or kept as challenger. Raises OSError, ModelRefused."""
    from hashlib import sha256

    from models_onnx.gate import below_baseline, decide

    serving = versions.serving(name)
    champion, why_not = _scorer(versions, name, serving, trained)
    verdict = decide(name, trained, champion, why_not)
    version = sha256(trained.files[trained.file]).hexdigest()[:12]

    def store(**entries: Any) -> "Line":
        card = _card(name, trained, verdict, shop, seed, command, serving) | entries
        return versions.store(name, trained.kind, trained.file, {**trained.files, **_drawings(card)}, card)

    if serving is not None and serving["version"] == version:
        reason = f"the same model as the champion came out{below_baseline(verdict.reached, verdict.comparisons)}"
        if not versions.is_whole(name, serving):
            versions.register(name, store(parent=serving["parent"]), serve=False)
            reason += "; its damaged files were written anew"
        return _outcome(name, "unchanged", reason, version, verdict)
    versions.register(name, store(), serve=verdict.serves)
    reason = verdict.reason
    if not verdict.serves and versions.serving(name) is None and versions.serve_rule(name):
        reason += "; until a model is better, the rule serves"
    return _outcome(name, "champion" if verdict.serves else "challenger", reason, version, verdict)


def refuse_thin(versions: "Versions", task: str, error: Exception, shop: "Shop") -> "list[Outcome]":
    """Too little to train `task` on: a rule serves in the place of its models, unless a champion learned from this very shop.

    Raises OSError, ModelRefused.
    """
    from models_onnx.tasks import ALIASES

    beside = [name for name, trained_by in ALIASES.items() if trained_by == task and versions.serving(name)]
    return [_refused(versions, name, task, error, shop) for name in (task, *beside)]


def _refused(versions: "Versions", name: str, task: str, error: Exception, shop: "Shop") -> Outcome:
    serving = versions.serving(name)
    card = _known_card(versions, name, serving)
    if serving and serving["status"] == "champion" and card.get("shop") == shop.identity:
        return Outcome(name, "refused", f"{error}; the champion learned from this shop and stays", is_refusal=True)
    if versions.serve_rule(name, task):
        way_back = ""
        if serving and serving["status"] == "champion":
            way_back = f" (back to the model of another shop: promo models promote {name} {serving['version']})"
        return Outcome(name, "rule", f"{error}; until then a rule serves{way_back}", is_refusal=True)
    stays = f"there is no rule for it, so version {serving['version']} serves on" if serving else "nothing serves"
    return Outcome(name, "refused", f"{error}; {stays}", is_refusal=True)


def _known_card(versions: "Versions", name: str, line: "Line | None") -> dict[str, Any]:
    """The card of what serves; {} when nothing does or the card is another model's, of which then nothing is known."""
    from udfs.model_registry import ModelRefused

    try:
        return versions.card(name, line) if line else {}
    except ModelRefused:
        return {}


def _scorer(versions: "Versions", name: str, serving: "Line | None", trained: "Trained") -> tuple[Any, str | None]:
    """The scorer of what serves; None and why when it can't stand beside the new one."""
    from udfs.model_registry import ModelRefused, ModelRegistry
    from udfs.served_models import load_scorer

    if serving is None:
        return None, None
    try:
        features = versions.card(name, serving).get("features")
        if features and trained.card.get("features") and features != trained.card["features"]:
            return None, "its feature vector is another"
        return load_scorer(ModelRegistry(versions.folder), name), None
    except ModelRefused as refused:
        return None, str(refused)


def _card(
    name: str, trained: "Trained", verdict: "Verdict", shop: "Shop", seed: int, command: str, serving: "Line | None"
) -> dict[str, Any]:
    from models_onnx.versions import now

    return {
        "model": name,
        "kind": trained.kind,
        **trained.card,
        "measure": verdict.measure,
        "data": shop.told,
        "shop": shop.identity,
        "seed": seed,
        "training_command": command,
        "trained_at": now(),
        "parent": serving["version"] if serving and serving["status"] == "champion" else None,
        "metrics": trained.metrics,
        "gate": {
            "serves": verdict.serves,
            "reason": verdict.reason,
            "compared_on_test": [asdict(comparison) for comparison in verdict.comparisons],
        },
        "curves": trained.curves,
        "profile": trained.profile,
    }


def _drawings(card: dict[str, Any]) -> dict[str, bytes]:
    from models_onnx.drawing import draw

    return draw(card)


def _outcome(name: str, verdict_word: str, reason: str, version: str, verdict: "Verdict") -> Outcome:
    baseline = verdict.best_baseline
    return Outcome(
        model=name,
        verdict=verdict_word,
        reason=reason,
        version=version,
        measure=verdict.measure,
        reached=verdict.reached,
        interval=verdict.interval,
        best_baseline=baseline.other if baseline else None,
        baseline_reached=baseline.reached if baseline else None,
    )

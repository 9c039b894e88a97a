"""What reads a registered model: one scorer a kind, imported when the first model of that kind is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib import import_module

from udfs.model_registry import ModelRefused
from udfs.scorer import Scorer

KINDS = {
    "onnx": "udfs.purchase_intent:PurchaseIntentScorer",
    "onnx_features": "udfs.feature_network:FeatureNetworkScorer",
    "onnx_clusters": "udfs.behaviour_cluster:BehaviourClusterScorer",
    "sql": "udfs.measured_sql:MeasuredSql",
    "xgboost": "udfs.boosted:BoostedScorer",
    "linear": "udfs.interest:LinearInterestScorer",
    "blend": "udfs.blended:BlendedScorer",
    "linear_effect": "udfs.promo_effect:LinearEffectScorer",
    "uplift": "udfs.uplift:UpliftScorer",
    "rule": "udfs.rule:RuleScorer",
    "topics": "udfs.topics:TopicScorer",
}
"""Kind in registry.json -> the scorer's module and class. A class is called with (name, content); one whose `reads_members`
is true gets a third argument, `member(file, sha256, kind)`, which loads a pinned file beside the main one as a scorer.
"""

Read = Callable[[str, str], bytes]
"""(plain file name beside the main file, SHA-256) -> its bytes, or ModelRefused."""


def build_scorer(name: str, kind: str, content: bytes, read: Read) -> Scorer:
    """The scorer of `kind` over the main file's bytes; `read` fetches pinned files beside it.

    Raises ModelRefused when there is no such kind, the content can't be read, or a member is refused.
    """
    if kind not in KINDS:
        raise ModelRefused(f"{name}: registered with kind {kind}, but scorers exist for {', '.join(KINDS)}")
    module, class_name = KINDS[kind].split(":")
    make = getattr(import_module(module), class_name)

    def member(file: str, sha256: str, member_kind: str) -> Scorer:
        return build_scorer(name, member_kind, read(file, sha256), read)

    scorer: Scorer = make(name, content, member) if getattr(make, "reads_members", False) else make(name, content)
    return scorer


def scorer_from(name: str, kind: str, content: bytes, files: Mapping[str, bytes] | None = None) -> Scorer:
    """The scorer of a model that isn't written yet; `files` are those beside the main one. Raises ModelRefused."""

    def read(file: str, sha256: str) -> bytes:
        found = (files or {}).get(file)
        if found is None or hashlib.sha256(found).hexdigest() != sha256:
            raise ModelRefused(f"{name}: {file} is not the file that was pinned")
        return found

    return build_scorer(name, kind, content, read)

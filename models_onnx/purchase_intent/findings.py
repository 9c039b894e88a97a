"""What `promo evaluate` says of a model of buying within a week: its champion on the test window, baselines beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.evaluation import expected_calibration_error
from models_onnx.purchase_intent.baselines import intent_baselines
from models_onnx.purchase_intent.examples import IntentPart
from models_onnx.tabular.fit import JUDGES, scores_of
from models_onnx.task import Finding, why_not_scored
from udfs.scorer import Scorer


def intent_findings(
    name: str, parts: Mapping[str, IntentPart], scorer: Scorer | None, inputs: NDArray[Any], width: int
) -> list[Finding]:
    """AUC, average precision and calibration error of `scorer` on the test rows; `inputs` [N, width] is what it scores.

    Without a champion, or with one that reads another width, the figures are NaN and the note says so.
    """
    test = parts["test"]
    baselines = {baseline: found["test"] for baseline, found in intent_baselines(parts).items()}
    note = why_not_scored(scorer, width, "values a row")
    scores = scores_of(scorer, inputs) if scorer is not None and not note else None
    findings = []
    for measure, judge_of in JUDGES.items():
        judge = judge_of(test.labels, test.groups)
        findings.append(
            Finding(
                task=name,
                measure=measure,
                reached=float("nan") if scores is None else judge.value(scores),
                interval=None if scores is None else judge.interval(scores),
                baselines={baseline: judge.value(found) for baseline, found in baselines.items()},
                rows=len(test.labels),
                note=note,
            )
        )
    if scores is not None:
        errors = {baseline: expected_calibration_error(test.labels, np.asarray(found)) for baseline, found in baselines.items()}
        error = expected_calibration_error(test.labels, scores)
        findings.append(Finding(name, "ece", error, None, errors, len(test.labels), "lower is better"))
    return findings

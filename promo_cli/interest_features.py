"""The interest model's feature vector, as dbt_project.yml words it."""

from pathlib import Path

import yaml


def interest_features(dbt_project: Path) -> tuple[list[str], int]:
    """Names of the features in their order, and how many pairs stand at their head (user sides, then product sides)."""
    variables = yaml.safe_load((dbt_project / "dbt_project.yml").read_text())["vars"]
    pairs = variables["interest_pairs"]
    names = [user_side for user_side, _ in pairs] + [product_side for _, product_side in pairs]
    return names + variables["interest_features"], len(pairs)

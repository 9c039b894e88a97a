"""Where things are."""

import os
from pathlib import Path

DEFAULT_DATABASE = Path("warehouse") / "offerhouse.duckdb"


def database_path(chosen: Path | None = None) -> Path:
    """The working database: `chosen`, else env OFFERHOUSE_DB, else warehouse/offerhouse.duckdb from here."""
    return chosen or Path(os.environ.get("OFFERHOUSE_DB") or DEFAULT_DATABASE)


def published_path(database: Path) -> Path:
    """What is published from the working database `database`: published/<its name> beside it.

    Env OFFERHOUSE_PUBLISHED names another file; it speaks of the database of `database_path()` alone.
    """
    chosen = os.environ.get("OFFERHOUSE_PUBLISHED")
    if chosen and database.resolve() == database_path().resolve():
        return Path(chosen)
    return database.parent / "published" / database.name


def models_path(chosen: Path | None = None) -> Path:
    """The models' folder: `chosen`, else env OFFERHOUSE_MODELS, else the shipped one."""
    shipped = Path(__file__).resolve().parents[1] / "models_onnx"
    return chosen or Path(os.environ.get("OFFERHOUSE_MODELS") or shipped)


def make_private_folder(folder: Path) -> None:
    """Creates `folder` for this user alone, for it will hold personal data; one that exists keeps its rights.

    Raises OSError when it can't be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def dbt_project_path() -> Path:
    """The dbt project that ships beside this package."""
    return Path(__file__).resolve().parents[1] / "dbt_project"


def profiles_path() -> Path:
    """The folder of the shipped profiles.yml: the repository's root, or the dbt project in an installed package."""
    root = dbt_project_path().parent
    return root if (root / "profiles.yml").is_file() else dbt_project_path()


def contract_path() -> Path:
    """The source contract, a dbt sources file."""
    return dbt_project_path() / "models" / "staging" / "shop.yml"

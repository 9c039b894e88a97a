"""Where things are."""

import os
import re
from pathlib import Path

DEFAULT_DATABASE = Path("warehouse") / "offerhouse.duckdb"


def database_path(chosen: Path | None = None, folder: Path = Path()) -> Path:
    """The working database: `chosen`, else env OFFERHOUSE_DB, else warehouse/offerhouse.duckdb in the project's `folder`."""
    return chosen or Path(os.environ.get("OFFERHOUSE_DB") or folder / DEFAULT_DATABASE)


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


def shipped_project() -> Path:
    """The dbt project that ships beside this package."""
    return Path(__file__).resolve().parents[1] / "dbt_project"


def shipped_profiles() -> Path:
    """The folder of the shipped profiles.yml: the repository's root, or the dbt project in an installed package."""
    root = shipped_project().parent
    return root if (root / "profiles.yml").is_file() else shipped_project()


def dbt_project_path() -> Path:
    """The dbt project at work: env OFFERHOUSE_PROJECT, else ./dbt_project where `promo init` laid it out, else the shipped one.

    Raises PromoError (exit code 3) when OFFERHOUSE_PROJECT names a folder without a dbt_project.yml.
    """
    if chosen := os.environ.get("OFFERHOUSE_PROJECT"):
        folder = Path(chosen)
        if (folder / "dbt_project.yml").is_file():
            return folder.resolve()
        from promo_cli.errors import ENVIRONMENT_FAULT, PromoError

        raise PromoError(
            f"OFFERHOUSE_PROJECT={chosen} holds no dbt_project.yml; name the folder dbt_project that promo init made",
            ENVIRONMENT_FAULT,
        )
    here = Path("dbt_project").resolve()
    return here if is_offerhouse_project(here) else shipped_project()


def is_offerhouse_project(folder: Path) -> bool:
    """Whether `folder` is a dbt project of this package, and not just any."""
    try:
        text = (folder / "dbt_project.yml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return re.search(r"""^name: *['"]?offerhouse['"]? *(#.*)?$""", text, re.MULTILINE) is not None


def profiles_path() -> Path:
    """The folder of profiles.yml: beside the dbt project at work, in it, or the shipped one."""
    project = dbt_project_path()
    return next((folder for folder in (project.parent, project) if (folder / "profiles.yml").is_file()), shipped_profiles())


def contract_path() -> Path:
    """The source contract, a dbt sources file."""
    return dbt_project_path() / "models" / "staging" / "shop.yml"

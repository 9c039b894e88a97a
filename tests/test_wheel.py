"""The wheel: everything that `promo` needs travels in it, nothing else does, and it stays small."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from small_shop import write_small_shop

ROOT = Path(__file__).parents[1]
PACKAGES = ("dbt_project", "models_onnx", "promo_cli", "udfs")
LARGEST = 20_000_000  # bytes


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel: pip install -e '.[dev]'")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("offerhouse-*.whl")
    return built


def tracked() -> set[str]:
    """The packages' files as git has them; in a copy without git those that a checkout would have."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True)
        return set(filter(None, listed.stdout.split("\0")))
    made = ("__pycache__", "target", "logs", "dbt_packages")
    files = (path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {path.as_posix() for path in files if not any(part in made for part in path.parts) and path.name != ".user.yml"}


def environment(folder: Path, installed: Path) -> dict[str, str]:
    """As after an installation into `installed`, in the empty folder `folder`: nothing of this checkout is seen."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OFFERHOUSE_")}
    return plain | {"PYTHONPATH": str(installed), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def test_it_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == tracked() | {"dbt_project/profiles.yml"}
    assert {"promo_cli/py.typed", "dbt_project/dbt_project.yml", "promo_cli/connectors/complete_journey.sql"} <= names


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST


def test_an_installation_that_nobody_may_write_loads_a_shop(wheel: Path, shop_folder: Path, tmp_path: Path) -> None:
    """As from a system's package or another user's environment."""
    installed, folder = tmp_path / "site-packages", tmp_path / "empty"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    for path in [*installed.rglob("*"), installed]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    script = (
        "import promo_cli.main as main, sys; assert main.__file__.startswith(sys.argv.pop(1)), main.__file__;"
        "main.main(sys.argv[1:])"
    )
    run = [sys.executable, "-c", script, str(installed), "load", "files", str(shop_folder)]
    told = subprocess.run(run, cwd=folder, env=environment(folder, installed), capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert (folder / "warehouse" / "offerhouse.duckdb").is_file()
    for path in [installed, *installed.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.slow
def test_it_installs_and_builds_a_shop_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """A new environment with the wheel in it; what it depends on is taken from this one."""
    venv, folder = tmp_path / "venv", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (own,) = venv.glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    python = [str(venv / "bin" / "python")]
    subprocess.run([*python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    write_small_shop(tmp_path / "shop")
    plain = environment(folder, own) | {"PYTHONPATH": ""}
    before = {path: path.stat().st_mtime_ns for path in (own / "dbt_project").rglob("*")}
    for arguments in (["load", "files", str(tmp_path / "shop")], ["build", "--dry-run"], ["build", "--json"], ["plan", "--json"]):
        told = subprocess.run(
            [str(venv / "bin" / "promo"), *arguments], cwd=folder, env=plain, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
    assert (folder / "warehouse" / "published" / "offerhouse.duckdb").is_file()
    assert {path: path.stat().st_mtime_ns for path in (own / "dbt_project").rglob("*")} == before
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["warehouse"]
    shutil.rmtree(venv)

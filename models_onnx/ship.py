"""`python -m models_onnx.ship`, for maintainers: each champion moves to the place from which it ships, other versions go.

The place is models_onnx/<name>/ itself. The files of the champion shipped before go, registry.json then names the champions
alone. A killed run is mended by running it again: the registry is written between copying and removing.
"""

import shutil
import sys
from pathlib import Path

from models_onnx.model_card import write_whole
from models_onnx.versions import CARD_FILE, DRAWINGS, RULE_FILE, Line, Versions
from udfs.model_registry import MODELS_FOLDER, ModelRefused


def ship(folder: Path) -> list[str]:
    """Ship every champion of `folder`; returns one line a model that moved. Raises ModelRefused or OSError."""
    versions = Versions(folder)
    versions.clean()
    told: list[str] = []
    kept: dict[str, list[Line]] = {}
    gone: list[Path] = []
    for name, lines in versions.read().items():
        champion = next((line for line in lines if line["status"] == "champion"), None)
        former = [line for line in lines if line is not champion]
        for line in former:
            if line["kind"] != "rule":
                gone += [path for path in _files(versions, name, line) if path.name != RULE_FILE]
        if champion is None:
            kept[name] = [line for line in lines if line["status"] == "rule"]
            continue
        versions.check(name, champion)
        source = (folder / champion["file"]).parent
        place = folder / name
        moved = {**champion, "parent": None}
        if source != place and source.name == champion["version"]:
            files = [path for path in source.iterdir() if path.is_file()]
            for path in files:
                write_whole(place / path.name, path.read_bytes())
            gone = [path for path in gone if path.parent != place or path.name not in {file.name for file in files}]
            gone += files
            main = Path(champion["file"]).name
            moved |= {"file": f"{name}/{main}", "card": f"{name}/{CARD_FILE}"}
            told.append(f"{name}: version {champion['version']} ships as {name}/{main}")
        kept[name] = [moved]
    versions.write({name: lines for name, lines in kept.items() if lines})
    # Two models may have been shipped from one folder, and a card then lists the files of both.
    needed = {path for name, lines in kept.items() for line in lines for path in versions.files(name, line)}
    for path in set(gone) - needed:
        path.unlink(missing_ok=True)
    versions.clean()
    for path in folder.glob("*/*"):
        if path.is_dir() and not any(path.iterdir()) and len(path.name) == 12:
            shutil.rmtree(path)
    return told


def _files(versions: Versions, name: str, line: Line) -> list[Path]:
    """Files of a version that is to go; one whose card is lost or altered loses its main file alone."""
    try:
        files = versions.files(name, line)
    except ModelRefused:
        files = [versions.folder / line["file"]]
    if line.get("card"):
        files += [path for kind in DRAWINGS for path in (versions.folder / line["card"]).parent.glob(f"*{kind}")]
    return files


if __name__ == "__main__":
    for moved_line in ship(Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS_FOLDER):
        print(moved_line)

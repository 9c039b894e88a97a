"""Hostile calls of `promo`, dbt's vars, policies and model files: nothing but an answer or one line may come of them."""

import contextlib
import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from hostile_shop import BASELINE, ShopTrial, one_in
from hostile_values import MOMENTS, NUMBERS, TEXTS, texts
from hypothesis import strategies as st
from rendered_sql import PROJECT
from sandbox import check_line, footprint, told

from promo_cli.errors import BUILD_FAULT, PromoError, duckdb_reason
from promo_cli.main import main
from promo_cli.policies import check_policies
from udfs.model_registry import MODELS_FOLDER, ModelRefused, ModelRegistry
from udfs.served_models import load_scorer

# {place}: a path below the sandbox's `target`; {text}: anything; {built}, {shop}: what is really there and has to stay as it is;
# {own}: a built database below `target`, which the call may write.
CALLS = (
    ("load", "files", "{place}", "--database", "{target}/new.duckdb"),
    ("load", "files", "{shop}", "--timezone", "{text}", "--database", "{target}/new.duckdb"),
    ("load", "files", "{shop}", "--currency", "{text}", "--encoding", "{text}", "--database", "{target}/new.duckdb"),
    ("load", "files", "{shop}", "--database", "{place}"),
    ("load", "simulated", "--users", "{text}", "--days", "{text}", "--database", "{target}/new.duckdb"),
    ("load", "{text}", "{text}"),
    ("build", "--as-of-date", "{text}", "--database", "{own}"),
    ("build", "--database", "{place}"),
    ("export", "{text}", "--output", "{target}/out", "--database", "{built}"),
    ("export", "{text}", "--to", "{text}", "--output", "{target}/out", "--database", "{built}"),
    ("export", "welcome", "--output", "{place}", "--database", "{built}"),
    ("export", "welcome", "--format", "{text}", "--output", "{target}/out", "--database", "{built}"),
    ("export", "welcome", "--output", "{target}/out", "--database", "{place}"),
    ("explain", "{text}", "--product", "{text}", "--offer", "{text}", "--language", "{text}", "--database", "{built}"),
    ("export", "welcome", "--encrypt-to", "{text}", "--output", "{target}/out", "--database", "{built}"),
    ("trace", "{text}", "--database", "{built}"),
    ("erase", "{text}", "{text}", "--yes", "--database", "{own}"),
    ("subject-access", "{text}", "--output", "{place}", "--database", "{own}"),
    ("train", "{text}", "--database", "{place}"),
    ("evaluate", "{text}", "--file", "{place}"),
    ("models", "list", "--models-folder", "{place}"),
    ("models", "promote", "{text}", "{text}", "--models-folder", "{target}/models"),
    ("models", "rollback", "{text}", "--models-folder", "{target}/models"),
    ("{text}", "{text}"),
    ("--{text}", "build"),
)


@dataclass(frozen=True)
class Call:
    """A command line, its blanks to be filled in."""

    words: tuple[str, ...]


@st.composite
def calls(draw: Any) -> Call:
    """One of the verbs with hostile words in it."""
    filled = []
    for word in draw(st.sampled_from(CALLS)):
        if "{text}" in word:
            word = word.replace("{text}", draw(texts))
        if word == "{place}":
            word = "{target}/" + draw(texts)
        filled.append(word)
    return Call(tuple(filled))


class CallTrial:
    """Runs `promo` inside this process; `built` is a database with the campaign welcome."""

    def __init__(self, built: Path) -> None:
        self._built = built

    def __call__(self, call: Call, sandbox: Path) -> str:
        """`done` or `refused (code)`; AssertionError where a promise breaks."""
        target, shop = sandbox / "target", sandbox / "shop"
        (target / "models").mkdir(parents=True)
        shop.mkdir()
        for table, text in BASELINE.items():
            (shop / f"{table}.csv").write_text(text)
        built, own = sandbox / "built.duckdb", target / "built.duckdb"
        for copy in (built, own):
            shutil.copy(self._built, copy)
        places = {"{target}": str(target), "{shop}": str(shop), "{built}": str(built), "{own}": str(own)}
        words = list(call.words)
        for blank, path in places.items():
            words = [word.replace(blank, path) for word in words]
        before = footprint(sandbox, apart_from=target)
        code, complaint = run_promo(words)
        assert code in range(5), f"exit code {code}"
        assert "Traceback" not in complaint, complaint
        if code and "promo: " in complaint:
            check_line(complaint[complaint.index("promo: ") + 7 :].rstrip("\n"))
        else:
            assert not code or code == 2 or code == 1, complaint
        assert footprint(sandbox, apart_from=target) == before, f"touched what is outside of its folder: {words}"
        return f"refused ({code})" if code else "done"


def run_promo(words: list[str]) -> tuple[int, str]:
    """Exit code and standard error of `promo` with `words`."""
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(words)
        except SystemExit as left:
            return int(left.code or 0), complaint.getvalue()
    return 0, complaint.getvalue()


GOOD_VARS = {
    "shop_schema": "shop",
    "shop_database": None,
    "shop_timezone": "Europe/Berlin",
    "as_of_date": "2024-03-05",
    "as_of_dates": "2024-03-02",
    "shop_identifiers": "products",
}


@st.composite
def variables(draw: Any) -> dict[str, Any]:
    """Some of dbt's --vars, good ones among them."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(GOOD_VARS)), min_size=1, max_size=2, unique=True)):
        value: Any = draw(st.one_of(st.just(GOOD_VARS[name]), texts, st.sampled_from(MOMENTS)))
        if name == "as_of_dates":
            value = [value, "2024-03-01"]
        if name == "shop_identifiers":
            value = {"products": value}
        found[name] = value
    return found


def vars_trial(trial: ShopTrial, given: dict[str, Any], sandbox: Path) -> str:
    """Stages the shop that the trial loaded last, under these vars."""
    trial.set_variables(given)
    try:
        trial.stage()
    except duckdb.Error as error:
        return told(PromoError(f"model failed: {duckdb_reason(error)}", BUILD_FAULT))  # as promo_cli.dbt_runner tells it
    except Exception as error:
        return told(error)
    finally:
        trial.set_variables({})
        trial.check_canary()
    return "done"


@st.composite
def policies(draw: Any) -> tuple[str, str]:
    """Name and text of a seed, spoilt."""
    path = draw(st.sampled_from(sorted((PROJECT / "seeds").glob("*.csv"))))
    rows = list(csv.reader(path.read_text().splitlines()))[:12]
    for _ in range(draw(st.integers(0, 2))):
        row = draw(st.sampled_from(rows if one_in(draw, 8) else rows[1:] or rows))
        at = draw(st.integers(0, max(0, len(row) - 1)))
        match draw(st.sampled_from(["cell", "cell", "cell", "more", "fewer", "twice"])):
            case "cell" if row:
                row[at] = draw(st.sampled_from(TEXTS + NUMBERS))
            case "more":
                row.insert(at, "")
            case "fewer" if row:
                del row[at]
            case _:
                rows.append(row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    spoilt = text.getvalue()
    if one_in(draw, 3):
        cut = draw(st.integers(0, len(spoilt)))
        spoilt = spoilt[:cut] + draw(st.sampled_from(['"', "\0", "", "\n\n", '",x"', "\ufeff"])) + spoilt[cut:]
    return path.name, spoilt


def policy_trial(given: tuple[str, str], sandbox: Path) -> str:
    """The policies with one spoilt file in a folder of their own: read, or told file and line."""
    folder = sandbox / "seeds"
    shutil.copytree(PROJECT / "seeds", folder)
    name, text = given
    (folder / name).write_text(text, encoding="utf-8")
    try:
        check_policies(folder)
    except Exception as error:
        if name not in str(error):
            raise AssertionError(f"does not name the file: {error}") from error
        return told(error)
    return "done"


@dataclass(frozen=True)
class SpoiltModel:
    """Which file of which model has which byte changed; or the registry itself."""

    model: str
    in_registry: bool
    at: int
    change: int


spoilt_models = st.builds(
    SpoiltModel,
    st.sampled_from(["interest_linear", "promo_effect_linear"]),
    st.booleans(),
    st.integers(0, 2**32),
    st.integers(1, 255),
)


def model_trial(given: SpoiltModel, sandbox: Path) -> str:
    """A model is loaded when every byte is the registered one; else it is refused in one line."""
    folder = sandbox / "models"
    shutil.copytree(MODELS_FOLDER / given.model, folder / given.model)
    entries = {given.model: json.loads((MODELS_FOLDER / "registry.json").read_text())[given.model]}
    (folder / "registry.json").write_text(json.dumps(entries))
    path = folder / "registry.json" if given.in_registry else folder / entries[given.model]["file"]
    content = bytearray(path.read_bytes())
    content[given.at % len(content)] ^= given.change
    path.write_bytes(content)
    try:
        load_scorer(ModelRegistry(folder), given.model)
    except ModelRefused as refused:
        line = str(refused)
        assert line.startswith((f"{given.model}: ", "every model: ")), line
        assert "\n" not in line, line
        return "refused (1)"
    assert given.in_registry, "loaded a model whose bytes are not the registered ones"
    return "done"

"""The SQL functions, called as SQL, and as dbt calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
import tiny_models
import xgboost
from dbt_common.exceptions import DbtRuntimeError

from models_onnx.tabular.blend import Member, blend_json
from udfs import duckdb_functions, scorer_kinds, served_models, sql_functions
from udfs.dbt_plugin import Plugin
from udfs.duckdb_functions import register_functions
from udfs.sql_functions import SqlFunction

WORKED_EXAMPLE = "[0.8, 0.2, 0.1, 0.9, 0.1, 0.2, 0.0]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models_onnx"
    path.mkdir()
    return tiny_models.write_models(path)


@pytest.fixture
def connection(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    register_functions(connection, {"models_folder": str(folder)})
    return connection


def value(connection: duckdb.DuckDBPyConnection, expression: str) -> object:
    return connection.execute(f"select {expression}").fetchall()[0][0]


def test_purchase_intent_pads_keeps_the_last_and_passes_null(connection: duckdb.DuckDBPyConnection) -> None:
    full = list(range(1, 51))
    for tokens, expected in (
        (full, tiny_models.intent_answer(full)),
        ([7, 8], tiny_models.intent_answer([0] * 48 + [7, 8])),
        ([999, *full], tiny_models.intent_answer(full)),
    ):
        assert value(connection, f"purchase_intent({tokens}::integer[])") == pytest.approx(expected, abs=1e-6)
    for unscorable in ("null", "[]", "[0, 0]", "[null]::integer[]", "[10000]", "[-1]"):
        assert value(connection, f"purchase_intent({unscorable})") is None


def test_interest_answers_the_articles_worked_example(folder: Path) -> None:
    connection = duckdb.connect()
    register_functions(connection, {"models_folder": str(folder), "interest": "linear"})
    assert value(connection, f"interest({WORKED_EXAMPLE})") == pytest.approx(0.681353, abs=1e-6)
    for unscorable in ("null", "[]", "[1, 2]"):
        assert value(connection, f"interest({unscorable})") is None
    assert value(connection, "serving_model('interest')") == "interest_linear"


def test_interest_is_xgboost_unless_configured(connection: duckdb.DuckDBPyConnection) -> None:
    features = tiny_models.booster_examples()[0]
    elements = ", ".join("null" if np.isnan(feature) else str(feature) for feature in features)
    assert value(connection, "serving_model('interest')") == "interest"
    assert 0 < float(str(value(connection, f"interest([{elements}]::float[])"))) < 1
    assert value(connection, f"interest({WORKED_EXAMPLE})") is None  # seven features, where the trees read eight


def test_scores_of_a_table_are_those_of_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """create table sequences as
        select i as id, case when i % 7 = 3 then null else
            list_transform(range(i % 90), lambda k: ((i * 31 + k * 17) % 9999 + 1)::integer) end as tokens
        from range(5000) t(i)"""
    )
    rows = connection.execute("select tokens, purchase_intent(tokens) from sequences order by id").fetchall()
    for tokens, score in rows:
        if not tokens:
            assert score is None
        else:
            kept = tokens[-50:]
            expected = tiny_models.intent_answer([0] * (50 - len(kept)) + kept)
            assert score == pytest.approx(expected, abs=1e-5)


def test_scoring_works_on_several_duckdb_threads(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set threads = 4")
    connection.execute("create table sequences as select [(i % 9999 + 1)::integer] as tokens from range(400000) t(i)")
    distinct = "select count(distinct (tokens[1], purchase_intent(tokens))), count(*) from sequences"
    assert connection.execute(distinct).fetchall() == [(9999, 400000)]


def test_large_arrow_offsets_make_no_difference(connection: duckdb.DuckDBPyConnection) -> None:
    before = value(connection, "purchase_intent([5, 6])")
    connection.execute("set arrow_large_buffer_size = true")
    assert value(connection, "purchase_intent([5, 6])") == before


def test_model_version(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    registry = json.loads((folder / "registry.json").read_text())
    for name, entry in registry.items():
        assert value(connection, f"model_version('{name}')") == entry["sha256"][:12]
    assert value(connection, "model_version(null)") is None
    with pytest.raises(duckdb.InvalidInputException, match=r"churn: no such model .*; registered: interest, interest_l"):
        value(connection, "model_version('churn')")
    with pytest.raises(duckdb.InvalidInputException, match=r"churn: no model serves .*; there are purchase_intent"):
        value(connection, "serving_model('churn')")


def test_registering_costs_no_model_and_the_first_use_names_the_absent_one(tmp_path: Path) -> None:
    connection = duckdb.connect()
    register_functions(connection, {"models_folder": tmp_path / "models_onnx"})
    for expression, name in (
        ("purchase_intent([1])", "purchase_intent"),
        ("interest([1])", "interest"),
        ("model_version('interest')", "interest"),
    ):
        with pytest.raises(duckdb.InvalidInputException) as refused:
            value(connection, expression)
        message = str(refused.value)
        assert f"ModelRefused: {name}: can't read models_onnx/registry.json" in message
        assert "\n" not in message


def test_an_altered_model_is_refused_by_score_and_version(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    (folder / "purchase_intent/model.onnx").write_bytes(b"something else")
    for expression in ("purchase_intent([1])", "model_version('purchase_intent')"):
        with pytest.raises(duckdb.InvalidInputException, match=r"purchase_intent: .* has SHA-256 .* is registered"):
            value(connection, expression)


def test_registering_again_takes_up_a_model_trained_anew(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    version = value(connection, "model_version('interest_linear')")
    entry = tiny_models.entry(folder, "interest_linear/model.json", "linear", tiny_models.linear_model(bias=1.0))
    (folder / "registry.json").write_text(json.dumps({"interest_linear": entry}))
    assert value(connection, "model_version('interest_linear')") == version
    register_functions(connection, {"models_folder": folder, "interest": "linear"})
    assert value(connection, "model_version('interest_linear')") == entry["sha256"][:12] != version
    assert value(connection, "interest([0, 0, 0, 0, 0, 0, 0])") == pytest.approx(0.731059, abs=1e-6)


def test_cursors_share_the_functions(connection: duckdb.DuckDBPyConnection) -> None:
    assert value(connection.cursor(), "purchase_intent([1])") is not None


def register_more(monkeypatch: pytest.MonkeyPatch, folder: Path, *functions: SqlFunction) -> duckdb.DuckDBPyConnection:
    for module in (sql_functions, served_models, duckdb_functions):
        monkeypatch.setattr(module, "SQL_FUNCTIONS", functions)
    connection = duckdb.connect()
    register_functions(connection, {"models_folder": folder})
    return connection


def test_a_function_of_two_arguments_scores_rows_that_have_both(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    network, trees = tiny_models.intent_model(), tiny_models.booster()
    members = [Member("network.onnx", "onnx", network, 0.25), Member("trees.ubj", "xgboost", trees, 0.75, argument=1)]
    (folder / "pair").mkdir()
    (folder / "pair/network.onnx").write_bytes(network)
    (folder / "pair/trees.ubj").write_bytes(trees)
    entry = tiny_models.entry(folder, "pair/blend.json", "blend", blend_json(members, list("abcdefgh"), slope=0.5))
    (folder / "registry.json").write_text(json.dumps({"pair": entry}))
    connection = register_more(monkeypatch, folder, SqlFunction("pair", ("INTEGER[]", "FLOAT[]")))
    features = tiny_models.booster_examples()[0]
    model = xgboost.Booster()
    model.load_model(bytearray(trees))
    boosted = float(model.predict(xgboost.DMatrix(features[None]))[0])
    intent = tiny_models.intent_answer([0] * 48 + [5, 9999])
    logit = 0.5 * (0.25 * np.log(intent / (1 - intent)) + 0.75 * np.log(boosted / (1 - boosted)))
    windows = "[" + ", ".join("null" if np.isnan(value) else str(value) for value in features) + "]::float[]"
    assert value(connection, f"pair([5, 9999], {windows})") == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    for call in (f"pair(null, {windows})", f"pair([], {windows})", "pair([5], null)", "pair([5], [1.0]::float[])"):
        assert value(connection, call) is None
    many = f"select count(pair([5, i::integer], {windows})), count(*) from range(5000) as t(i)"
    assert connection.execute(many).fetchall() == [(5000, 5000)]


def test_results_may_be_numbers_of_classes_or_lists(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(scorer_kinds.KINDS, "numbered", "tiny_scorers:NumberedScorer")
    monkeypatch.setitem(scorer_kinds.KINDS, "thrice", "tiny_scorers:ThriceScorer")
    entries = {kind: tiny_models.entry(folder, f"{kind}.bin", kind, b"x") for kind in ("numbered", "thrice")}
    (folder / "registry.json").write_text(json.dumps(entries))
    functions = (SqlFunction("numbered", ("FLOAT[]",), "INTEGER"), SqlFunction("thrice", ("FLOAT[]",), "FLOAT[]"))
    connection = register_more(monkeypatch, folder, *functions)
    for function, expected in (("numbered", [1, None, 0, 1, None]), ("thrice", [[3, 6], None, [6, 3], [12, 15], None])):
        rows = "(values (1, [1, 2]), (2, null), (3, [2, 1]), (4, [4, 5]), (5, [1])) as t(i, features)"
        found = connection.execute(f"select {function}(features::float[]) from {rows} order by i").fetchall()
        assert [result for (result,) in found] == expected
        nothing = connection.execute(f"select {function}(features::float[]) from {rows} where i in (2, 5)").fetchall()
        assert nothing == [(None,), (None,)]


def test_another_connection_to_the_database_is_told_why_it_cannot_register(tmp_path: Path) -> None:
    first = duckdb.connect(tmp_path / "shop.duckdb")
    register_functions(first)
    with pytest.raises(ValueError, match="purchase_intent: registered by another connection"):
        register_functions(duckdb.connect(tmp_path / "shop.duckdb"))


def test_the_plugin_refuses_a_config_that_cannot_be() -> None:
    known = "it has interest, promo_effect, models_folder"
    with pytest.raises(DbtRuntimeError, match=rf"udfs\.dbt_plugin has no config intrest; {known}"):
        Plugin("udfs", {"intrest": "linear"})
    with pytest.raises(DbtRuntimeError, match=r"udfs\.dbt_plugin: interest: must be xgboost or linear, not 'trees'"):
        Plugin("udfs", {"interest": "trees"}).configure_connection(duckdb.connect())


def test_dbt_builds_on_the_functions_with_several_threads(tmp_path: Path, folder: Path) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: scoring\nprofile: scoring\nflags: {send_anonymous_usage_stats: false}\n")
    plugin = {"module": "udfs.dbt_plugin", "config": {"interest": "linear", "models_folder": str(folder)}}
    target = {
        "type": "duckdb",
        "path": str(tmp_path / "shop.duckdb"),
        "threads": 3,
        "settings": {"preserve_insertion_order": False},
        "plugins": [plugin],
    }
    # JSON is YAML too.
    (project / "profiles.yml").write_text(json.dumps({"scoring": {"target": "dev", "outputs": {"dev": target}}}))
    for number in range(4):
        (project / f"models/scores_{number}.sql").write_text(
            "{{ config(materialized='table') }}\n"
            f"select interest({WORKED_EXAMPLE}) as score, purchase_intent([5, {number}]) as intent,\n"
            "model_version(serving_model('interest')) as model_version"
        )
    arguments = ["build", "--project-dir", str(project), "--profiles-dir", str(project), "--no-use-colors"]
    dbt = "import sys; from dbt.cli.main import cli; sys.exit(cli(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", dbt, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert "PASS=4" in done.stdout, done.stdout + done.stderr
    published = duckdb.connect(tmp_path / "shop.duckdb", read_only=True)
    version = json.loads((folder / "registry.json").read_text())["interest_linear"]["sha256"][:12]
    for number in range(4):
        score, intent, model_version = published.execute(f"select * from scores_{number}").fetchall()[0]
        assert score == pytest.approx(0.681353, abs=1e-6)
        assert intent == pytest.approx(tiny_models.intent_answer([0] * 48 + [5, number]), abs=1e-6)
        assert model_version == version

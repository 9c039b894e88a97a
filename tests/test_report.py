"""`promo report`: the page's figures, what it keeps to itself, whether everybody can read it, and how a browser takes it."""

import base64
import hashlib
import json
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

pytest.importorskip("vl_convert")

from browser import BINARY, open_page

from promo_cli.report import Language, write_report
from promo_cli.report_page import charts
from promo_cli.report_page.numbers import Numbers
from promo_cli.report_page.read import query, query_names, read_figures, relations_of
from promo_cli.report_page.telling import named_apart

Promo = Callable[..., tuple[int, str, str]]

HOSTILE = """</script><img src=x onerror="alert(1)">{{ 7 * 7 }}<!--"""
PAGE = Path(__file__).parents[1] / "promo_cli" / "report_page"
VOID = {"meta", "link", "img", "br", "hr", "input"}

needs_browser = pytest.mark.skipif(
    BINARY is None, reason="no chromium, chromium-browser or google-chrome on this machine: apt-get install chromium"
)


class Page(HTMLParser):
    """A page taken apart: elements with their attributes and text, in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {"tag": tag, "attributes": dict(attrs), "text": "", "within": [above["tag"] for above in self._open]}
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()["tag"] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element["text"] += data

    def all(self, *tags: str) -> list[dict[str, Any]]:
        return [element for element in self.elements if element["tag"] in tags]

    def told(self) -> str:
        """What a reader sees."""
        return next(element["text"] for element in self.all("body")).split("window.vegaEmbed")[0]


@pytest.fixture(scope="module")
def database(small_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop as published, with a second day on record and names that are hard on HTML, JSON and Jinja."""
    database = tmp_path_factory.mktemp("report") / "offerhouse.duckdb"
    published = database.parent / "published" / database.name
    published.parent.mkdir()
    shutil.copyfile(small_warehouse.parent / "published" / small_warehouse.name, published)
    with duckdb.connect(str(published)) as connection:
        for table, column in (("campaigns_planned", "campaign_name"), ("offers", "promotion_name")):
            connection.execute(f"update promotions.{table} set {column} = ?", [HOSTILE])
        # what a healthy shop has none of yet
        connection.execute("update audits.fairness set verdict = 'suspected' where verdict = 'fair' and measure = 'offer_rate'")
        connection.execute(
            "update audits.feedback_effect set users = 40, rate = 0.2, silent_rate = 0.1, difference = 0.1, "
            "difference_low = 0.05, difference_high = 0.15, finding = 'agrees' where verdict = 'like'"
        )
        connection.execute("insert into audits.rejected_rows values ('users', 'k', 'BAD_AGE', ['BAD_AGE'], '{}')")
        for days in (1, 2):
            connection.execute(
                "insert into audits.builds by name select * replace ('earlier' || ? as build_id, started_at - to_days(?) as "
                "started_at, finished_at - to_days(?) as finished_at) from audits.builds where not build_id like 'earlier%'",
                [days, days, days],
            )
        connection.execute(
            "insert into promotions.segment_history by name select * replace (as_of_date - 7 as as_of_date, 'new' as life_cycle) "
            "from promotions.segment_history"
        )
    return database


@pytest.fixture(scope="module")
def reports(database: Path) -> dict[str, Path]:
    """The page in both languages."""
    return {str(told): write_report(database, database.parent / f"{told}.html", told).path for told in Language}


@pytest.fixture(scope="module")
def english(reports: dict[str, Path]) -> Page:
    return Page(reports["en"])


def test_the_page_is_one_private_file_that_asks_for_nothing(reports: dict[str, Path]) -> None:
    for path in reports.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size < 3_000_000
        page = Page(path)
        for element in page.elements:
            attributes = element["attributes"]
            assert not {name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset", "action")}
            if "href" in attributes:
                assert attributes["href"].startswith("#") or attributes["href"] == "data:,"
        assert "@import" not in page.text.split("</style>")[0]
        assert "url(" not in page.text.split("</style>")[0]


def test_the_policy_allows_the_pages_own_scripts_and_style_alone(english: Page) -> None:
    policy = next(
        element["attributes"]["content"]
        for element in english.all("meta")
        if element["attributes"].get("http-equiv") == "Content-Security-Policy"
    )
    assert "unsafe" not in policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    scripts = [found["text"] for found in english.all("script") if found["attributes"].get("type") != "application/json"]
    styles = [found["text"] for found in english.all("style")]
    for kind, texts in (("script-src", scripts), ("style-src", styles)):
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts]
        assert rules[kind].split() == hashes


def test_names_from_outside_are_text(english: Page) -> None:
    assert not english.all("img")
    assert HOSTILE in english.told()
    assert "49<!--" not in english.told()
    (data,) = [element for element in english.all("script") if element["attributes"].get("type") == "application/json"]
    assert "<" not in data["text"]
    assert any(HOSTILE in json.dumps(spec, ensure_ascii=False).replace('\\"', '"') for spec in json.loads(data["text"]))


def test_the_summary_tells_what_the_warehouse_holds(database: Path, english: Page) -> None:
    with duckdb.connect(str(database.parent / "published" / database.name), read_only=True) as connection:
        offers, people, reserved, margin = connection.execute(
            "select count(*), count(distinct user_id), sum(reserved_budget), sum(expected_margin) from promotions.offers"
        ).fetchall()[0]
        known = connection.execute("select count(*) from features.user_features").fetchall()[0][0]
        rules = connection.execute("select count(*) from audits.compliance").fetchall()[0][0]
    assert offers >= people >= 20
    told = " ".join(english.told().split())
    assert f"{people:,} of {known:,} people ({round(100 * people / known)}%) get an offer: {offers:,} offers" in told
    assert f"set €{round(reserved):,} aside" in told
    assert f"a margin of €{round(margin):,}" in told
    assert f"All {rules} rules of compliance are kept" in told


def test_every_query_runs_by_itself_and_is_shown_with_what_it_reads(database: Path, english: Page) -> None:
    shown = [element["text"].strip() for element in english.all("code")]
    summaries = [element["text"] for element in english.all("summary")]
    for name in set(query_names()) - {"shop", "summary"}:  # those two are told in sentences
        assert query(name) in shown, name
        assert any(", ".join(relations_of(name)) in summary for summary in summaries), name
    assert len(query_names()) >= 25
    assert all(relations_of(name) for name in query_names())


def test_no_user_stands_on_the_page(database: Path, reports: dict[str, Path], small_warehouse: Path) -> None:
    with duckdb.connect(str(small_warehouse), read_only=True) as connection:
        people = connection.execute("select user_id, shop_user_id from private.people").fetchall()
    assert len(people) == 80
    for path in reports.values():
        text = path.read_text(encoding="utf-8")
        data = text.split('id="charts">')[1].split("</script>")[0]
        read = text.split("</style>")[1].split('<script type="application/json"')[0] + data
        words = set(re.findall(r"[\w.]+", read))
        assert not words & {name for pair in people for name in pair}
        assert "example.org" not in read


def test_figures_of_few_are_not_shown(database: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.duckdb"
    shutil.copyfile(database.parent / "published" / database.name, few)
    with duckdb.connect(str(few)) as connection:
        connection.execute("update policies.policy_values set value = 81 where name = 'min_audience_size'")
        connection.execute("update audits.compliance set violations = 3 where rule = 'RISK_FLAG'")
        figures = read_figures(connection)
    assert all(row["people"] is None and row["mean_intent"] is None for row in figures["segments"])
    assert all(row["reserved"] in (None, 0) for row in figures["budgets"])
    for name in ("offers", "personal_prices", "price_categories", "refusals", "refusals_by_promotion", "feedback"):
        assert figures[name] == [], name
    (summary,) = figures["summary"]
    for name in ("people", "known_people", "offers", "reserved", "expected_margin", "prices", "personalised_share"):
        assert summary[name] is None, name
    told = Page(write_report(few, tmp_path / "few.html").path).told()
    assert "Offers go to so few people today that their figures are not shown." in told
    assert "under 81" in told
    assert "Rules of compliance broken: 1 of " in told
    assert told.count("join scores.risk_scores as risk") == 1  # the query that finds them


def test_numbers_are_written_as_the_language_does() -> None:
    english = Numbers("en", "USD", "America/New_York")
    assert [english.money(value) for value in (-12.5, 99.994, 1234.4, 0)] == ["−$12.50", "$99.99", "$1,234", "$0.00"]
    assert [english.share(value) for value in (0, 0.004, 0.0994, 0.7136, -0.05)] == ["0%", "0.4%", "9.9%", "71%", "−5.0%"]
    assert (english.count(1234567), english.number(-0.5, 2)) == ("1,234,567", "−0.50")
    starts_at, ends_at = datetime(2017, 12, 6, 5), datetime(2018, 1, 8, 5)  # midnight in New York, the end exclusive
    assert re.sub(r"\s", " ", english.span(starts_at, ends_at)) == "Dec 6, 2017 – Jan 7, 2018"
    assert english.span(starts_at, starts_at + timedelta(hours=24)) == "Dec 6, 2017"
    assert Numbers("zh", "CNY", None).money(12.5) == "¥12.50"
    assert Numbers("zh", "JPY", None).money(12) == "JP¥12"
    assert Numbers("en", None, None).money(12.5) == "12.50"
    assert "2017年12月6日" in Numbers("zh", None, "America/New_York").span(starts_at, ends_at)


def test_names_that_two_share_are_told_apart() -> None:
    rows = [{"name": "Tea", "id": "a"}, {"name": "Tea", "id": "b"}, {"name": "Milk", "id": "c"}, {"name": "Milk", "id": "c"}]
    assert [row["name"] for row in named_apart(rows, "name", "id")] == ["Tea (a)", "Tea (b)", "Milk", "Milk"]


def test_refusals_are_counted_by_rule_and_by_rule_alone() -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema policies; create schema promotions;
            create table policies.policy_values as select 'min_audience_size' as name, 2.0 as value;
            create table policies.reject_codes as from (values ('A', 'a.'), ('B', 'b.'), ('C', 'c.')) as t(code, sentence);
            create table policies.refusal_phrases as from (values ('A', 'refusal', '甲')) as t(code, about, zh);
            create table promotions.refusals as
                from (values ('u', 'P', 'A'), ('u', 'P', 'A'), ('v', 'P', 'A'), ('w', 'P', 'A'), ('w', 'P', 'B'), ('x', 'P', 'B'),
                    ('y', 'P', 'C')) as t(user_id, promotion_id, code);
        """)
        found = connection.execute(query("refusals")).fetchall()
    # u's segment fails twice and counts once; x alone is too few to tell; of C one person knows
    assert found == [("A", "a.", "甲", 3, 2, 3), ("B", "b.", None, 2, None, 2)]


def test_prices_go_into_steps_by_what_moved_them() -> None:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema promotions;
            create table promotions.market_prices as from (values
                (10.0, 10.0, 1.0, 1.0, 1.0), (10.0, 9.5, 0.95, 1.0, 1.0), (10.0, 9.49, 1.0, 0.949, 1.0),
                (10.0, 10.2, 1.1, 1.0, 0.93), (0.0, 0.0, 1.0, 1.0, 1.0)
            ) as t(list_price, market_price, demand_factor, stock_factor, competitor_factor);
        """)
        found = connection.execute(query("market_moves")).fetchall()
    assert found == [(-10, "stock", 1), (-5, "demand", 1), (0, "none", 1), (5, "several", 1)]


def test_everybody_finds_their_way(reports: dict[str, Path]) -> None:
    for language, path in reports.items():
        page = Page(path)
        assert page.all("html")[0]["attributes"]["lang"] == language
        assert [len(page.all(tag)) for tag in ("main", "header", "footer", "nav", "h1")] == [1, 1, 1, 1, 1]
        ids = Counter(element["attributes"]["id"] for element in page.elements if "id" in element["attributes"])
        assert not [name for name, times in ids.items() if times > 1]
        for element in page.elements:
            attributes = element["attributes"]
            for name in ("aria-labelledby", "aria-describedby"):
                assert attributes.get(name) is None or attributes[name] in ids
            if element["tag"] == "a":
                assert attributes["href"][1:] in ids
        first = next(element for element in page.elements if element["tag"] in ("a", "button"))
        assert first["attributes"]["href"] == "#report"
        levels = [int(element["tag"][1]) for element in page.all("h1", "h2", "h3", "h4")]
        assert levels[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        assert all(element["text"].strip() for element in page.all("h1", "h2", "h3", "h4", "th", "caption", "summary", "button"))


def test_every_table_has_a_caption_and_every_chart_its_figures(english: Page) -> None:
    tables, captions = english.all("table"), english.all("caption")
    assert len(tables) == len(captions) >= 30
    assert all(element["attributes"].get("scope") in ("col", "row") for element in english.all("th"))
    plots = [element for element in english.elements if "data-chart" in element["attributes"]]
    assert len(plots) >= 35
    for plot in plots:
        assert plot["attributes"]["role"] == "img"
        assert plot["attributes"]["aria-label"].strip()
    # the figures of a plot's block stand in a table below it
    for article in re.findall(r"<article.*?</article>", english.text, re.DOTALL):
        assert "data-chart" not in article or "<table>" in article


THEMES = {"light": r":root \{(.*?)\}", "dark": r':root\[data-theme="dark"\] \{(.*?)\}', "print": r"\{ /\* print \*/(.*?)\}"}


@pytest.mark.parametrize("theme", THEMES)
def test_colours_have_the_contrast_of_wcag_aa(english: Page, theme: str) -> None:
    style = english.all("style")[0]["text"]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.search(THEMES[theme], style, re.DOTALL)[1]))  # type: ignore[index]
    series = [name for name in colours if name.startswith("series-")]
    assert len(series) == len(charts.SERIES) == 7
    for ground in ("paper", "panel"):
        for text in ("ink", "ink-soft", "link"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for mark in ("bad", "focus", *series):
            assert contrast(colours[mark], colours[ground]) >= 3, (mark, ground)
    cell = mixed(colours["series-1"], colours["paper"], charts.HEAT_OPACITY)
    assert contrast(colours["ink"], cell) >= 4.5
    assert contrast(colours["paper"], colours["ink"]) >= 4.5  # the button, pressed


def test_dark_is_the_same_whoever_asks_for_it(english: Page) -> None:
    blocks = re.findall(r"\{ /\* dark \*/(.*?)\}", english.all("style")[0]["text"], re.DOTALL)
    assert len(blocks) == 2
    assert blocks[0].split() == blocks[1].split()


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def mixed(colour: str, ground: str, opacity: float) -> str:
    pairs = [(int(colour[place : place + 2], 16), int(ground[place : place + 2], 16)) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * over + (1 - opacity) * under):02x}" for over, under in pairs)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_every_word_is_there_in_both_languages() -> None:
    words = yaml.safe_load((PAGE / "words.yml").read_text(encoding="utf-8"))

    def texts(found: dict[str, Any], place: str) -> None:
        if set(found) <= {"en", "zh"}:
            assert "zh" in found, place
            # what the warehouse words in English itself needs no English here
            assert "en" in found or place.startswith(("labels.segment_meaning.", "labels.compliance.")), place
            gaps = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in found.items()}
            assert len({frozenset(names) for names in gaps.values()}) == 1, place
            return
        for name, inner in found.items():
            texts(inner, f"{place}.{name}")

    for section, found in words.items():
        texts(found, section)
    used = {
        found
        for path in (*PAGE.glob("*.py"), PAGE / "page.html")
        for found in re.findall(r'["\'](\w+\.\w+)["\']', path.read_text(encoding="utf-8"))
        if found.split(".")[0] in words and found != "page.html"
    }
    assert len(used) > 60
    for place in used:
        section, name = place.split(".")
        assert name in words[section], place


def test_chinese_is_chinese_throughout(reports: dict[str, Path]) -> None:
    page = Page(reports["zh"])
    headings = [element["text"] for element in page.all("h1", "h2", "h3", "h4", "summary", "button", "th")]
    chinese = re.compile(r"[\u4e00-\u9fff]")
    columns = [element["text"] for element in page.all("th") if element["attributes"]["scope"] == "col"]
    assert all(chinese.search(text) for text in columns if text not in ("x", "y"))
    assert all(chinese.search(element["text"]) for element in page.all("h1", "h2", "h3", "h4", "summary", "button"))
    assert any("€" in element["text"] for element in page.all("td"))
    assert len(headings) > 100


def test_the_command_writes_a_report_and_replaces_its_own(promo: Promo, database: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "report.html"
    code, out, err = promo("report", "--output", page, "--database", database, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["path"] == str(page)
    assert told["language"] == "en"
    assert told["size"] == page.stat().st_size
    assert told["as_of_date"] == "2025-07-20"
    first = page.read_bytes()
    code, out, _ = promo("report", "--output", page, "--database", database)
    assert (code, page.read_bytes() == first) == (0, True)  # the same data, the same page
    assert out.startswith(f"{page}: ")
    assert [entry.name for entry in page.parent.iterdir()] == ["report.html"]


def test_nothing_else_is_written_over(promo: Promo, database: Path, tmp_path: Path) -> None:
    own = tmp_path / "index.html"
    own.write_text("<!doctype html><title>mine</title>")
    code, _, err = promo("report", "--output", own, "--database", database)
    assert (code, err.count("\n"), own.read_text()) == (2, 1, "<!doctype html><title>mine</title>")
    assert "is no report" in err
    link = tmp_path / "link.html"
    link.symlink_to(own)
    assert promo("report", "--output", link, "--database", database)[0] == 3
    assert promo("report", "--output", tmp_path, "--database", database)[0] == 3


def test_what_is_missing_is_told_in_one_line(
    promo: Promo, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = promo("report", "--output", tmp_path / "r.html", "--database", tmp_path / "nowhere.duckdb")
    assert (code, err.count("\n")) == (1, 1)
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    code, _, err = promo("report", "--output", tmp_path / "r.html", "--database", empty)
    assert (code, "run promo build" in err, err.splitlines()[-1].startswith("promo: ")) == (1, True, True)
    monkeypatch.setattr("promo_cli.report_page.page.find_spec", lambda name: None if name == "vl_convert" else name)
    code, _, err = promo("report", "--output", tmp_path / "r.html", "--database", database)
    assert (code, err.count("\n")) == (3, 1)
    assert "pip install 'offerhouse[report]'" in err
    assert not (tmp_path / "r.html").exists()


PROBE = """
    const marks = [...document.querySelectorAll("[data-chart]")].map(
        (place) => place.querySelectorAll("svg g.role-mark path, svg g.role-mark text, svg g.role-mark line").length);
    const dead = [...document.querySelectorAll("a[href^='#']")].filter((link) => !document.querySelector(link.hash)).length;
    const button = document.getElementById("theme");
    const ground = () => getComputedStyle(document.body).backgroundColor;
    const bar = () => getComputedStyle(document.querySelector("[data-chart] g.mark-rect path")).fill;
    const light = [ground(), bar(), button.getAttribute("aria-pressed")];
    button.focus();
    const focused = document.activeElement === button;
    button.click();
    const dark = [ground(), bar(), button.getAttribute("aria-pressed")];
    const labels = [...document.querySelectorAll("[data-chart]")].filter(
        (place) => place.getAttribute("role") !== "img" || !place.getAttribute("aria-label")).length;
    const wide = document.scrollingElement.scrollWidth - innerWidth;
    root.dataset.probe = JSON.stringify({ marks, dead, light, dark, focused, labels, wide });
"""


@needs_browser
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_browser_draws_every_chart_and_has_nothing_to_complain_of(reports: dict[str, Path], language: str) -> None:
    opened = open_page(reports[language], PROBE, 1280 if language == "en" else 500)
    assert opened.console == []
    probe = json.loads(opened.root["data-probe"] or "")
    assert len(probe["marks"]) == int(opened.root["data-drawn"] or 0) >= 35
    assert min(probe["marks"]) > 0
    assert (probe["dead"], probe["labels"], probe["focused"]) == (0, 0, True)
    assert probe["wide"] <= 0  # the page is never wider than the window; wide tables scroll by themselves
    light, dark = probe["light"], probe["dark"]
    assert (light[0], light[2], dark[0], dark[2]) == ("rgb(255, 255, 255)", "false", "rgb(20, 24, 29)", "true")
    assert light[1] != dark[1]  # the charts go along, not drawn again
    assert {light[1], dark[1]}.isdisjoint({"none", "rgb(0, 0, 0)"})


@needs_browser
def test_a_browser_would_tell_of_a_script_that_the_policy_forbids(reports: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text(reports["en"].read_text(encoding="utf-8") + "<script>document.title = 'changed'</script>")
    assert any("Content Security Policy" in line for line in open_page(broken).console)

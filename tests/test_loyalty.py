"""The ledger of loyalty points against a queue in plain Python, and tiers that contradict each other."""

from collections import deque
from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rendered_sql import ENGINE_PREFIX, PROJECT, SETTINGS, Renderer

START = datetime(2024, 1, 1)
HOURS = 24 * 12
"""Length of a generated history; hours are few, so that much falls on one moment."""
KEEPS = 5
"""Days until points expire."""
AS_OF = date(2024, 1, 13)

Entry = tuple[str, str, Decimal, Decimal]
"""Kind, what it is about, points, balance after it."""
Account = list[tuple[str, int, int, int]]
"""(purchase, hour, points in hundredths, -), (return, hour, purchase it is of, tenths of it) or (redemption, hour, points, -)."""

_hours = st.integers(0, HOURS - 1).map(lambda hour: hour // 4 * 4)
_moves = st.one_of(
    st.tuples(st.just("purchase"), _hours, st.integers(1, 5_000), st.just(0)),
    st.tuples(st.just("return"), _hours, st.integers(0, 5), st.integers(0, 14)),
    st.tuples(st.just("redemption"), _hours, st.integers(0, 6_000), st.just(0)),
)
_accounts = st.lists(st.lists(_moves, max_size=24), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SETTINGS[0])


@pytest.fixture(scope="module")
def ledger_sql(renderer: Renderer) -> str:
    return renderer.model(PROJECT / "models/promotions/loyalty_points.sql")[0]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts=_accounts)
@example(accounts=[[*[("purchase", 0, 1, 0)] * 4, ("purchase", 0, 425, 0), ("return", 0, 4, 3)]])  # 4.25 × .3: half a cent
def test_the_ledger_is_that_of_a_queue(accounts: list[Account], ledger_sql: str) -> None:
    with duckdb.connect() as connection:
        write_shop(connection, accounts)
        ledger = connection.execute(
            f"""
            select user_id, kind, coalesce(redemption_id, split_part(order_id, ' ', 2)), points, balance_after, points_left
            from ({ledger_sql})
            order by user_id, entry_number
            """
        ).fetchall()
    for number, account in enumerate(accounts):
        entries, left = queue_of(account)
        rows = [row[1:] for row in ledger if row[0] == f"u{number}"]
        assert [row[:4] for row in rows] == entries
        assert {row[1]: row[4] for row in rows if row[0] == "earned"} == left
        assert sum(row[2] for row in rows) == sum(left.values())


def money(hundredths: int) -> Decimal:
    return Decimal(hundredths) / 100


def moment(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def returns_of(account: Account) -> list[tuple[int, int, int, int]]:
    """(hour, purchase, number among its returns, tenths) of the returns that are of a purchase; one a purchase and moment."""
    seen: dict[tuple[int, int], int] = {}
    for kind, hour, purchase, tenths in account:
        if kind == "return" and purchase < len(account) and account[purchase][0] == "purchase":
            seen.setdefault((purchase, hour), tenths)
    counts: dict[int, int] = {}
    found = []
    for (purchase, hour), tenths in sorted(seen.items(), key=lambda item: (item[0][0], item[0][1])):
        counts[purchase] = counts.get(purchase, 0) + 1
        found.append((hour, purchase, counts[purchase], tenths))
    return found


def queue_of(account: Account) -> tuple[list[Entry], dict[str, Decimal]]:
    """What a shop assistant with a queue of coins would have written down, and what is left of each purchase."""
    steps: list[tuple[datetime, int, datetime, str, str, int]] = []
    for number, (kind, hour, amount, _) in enumerate(account):
        at = moment(hour)
        if kind == "purchase":
            steps.append((at, 1, at, "earned", f"o{number}|1", amount))
            expires = datetime.combine(at.date() + timedelta(days=KEEPS), datetime.min.time())
            if expires.date() <= AS_OF:
                steps.append((expires, 0, at, "expired", f"o{number}|1", 0))
        elif kind == "redemption":
            steps.append((at, 2, at, "redeemed", f"r{number}", amount))
    given_back: dict[int, int] = {}
    share: dict[int, int] = {}
    for hour, purchase, number, tenths in returns_of(account):
        bought = moment(account[purchase][1])
        at = max(moment(hour), bought)
        share[purchase] = min(10, share.get(purchase, 0) + tenths)
        total = (account[purchase][2] * share[purchase] + 5) // 10  # half up
        asked, given_back[purchase] = total - given_back.get(purchase, 0), total
        if at.date() >= bought.date() + timedelta(days=KEEPS):
            asked = 0
        steps.append((at, 2, at, "returned", f"o{purchase}|1|{number}", asked))

    queue: deque[list[int | str]] = deque()
    left: dict[str, int] = {}
    entries: list[Entry] = []
    for _, _, _, kind, about, amount in sorted(steps):
        if kind == "earned":
            left[about] = amount
            queue.append([about])
            change = amount
        elif kind == "expired":
            change, left[about] = -left[about], 0
            if not change:
                continue
        else:
            wanted = amount
            while wanted and queue:
                first = str(queue[0][0])
                taken = min(wanted, left[first])
                left[first] -= taken
                wanted -= taken
                if not left[first]:
                    queue.popleft()
            change = wanted - amount
        balance = sum(left.values())
        assert balance >= 0
        entries.append((kind, about if kind == "redeemed" else about.split("|")[0], money(change), money(balance)))
    return entries, {about.split("|")[0]: money(points) for about, points in left.items()}


def write_shop(connection: duckdb.DuckDBPyConnection, accounts: list[Account]) -> None:
    """The tables that the ledger reads, of a shop whose days are cut in UTC."""
    connection.execute(f"""
        set TimeZone = 'UTC';
        create macro {ENGINE_PREFIX}utc_midnight(day) as cast(day as timestamp);
        create table as_of_dates as select date '{AS_OF}' as as_of_date, date '{AS_OF}' as data_until;
        create table loyalty_members (user_id varchar, counts_from timestamp);
        create table points_earned (
            user_id varchar, earned_id varchar, kind varchar, order_id varchar, line_number integer, earned_at timestamp,
            earned_on date, expires_on date, quantity decimal(18, 3), points decimal(18, 2)
        );
        create table stg_returns (
            order_id varchar, line_number integer, returned_at timestamp, returned_on date, quantity decimal(18, 3)
        );
        create table stg_points_redemptions (
            redemption_id varchar, user_id varchar, order_id varchar, points decimal(18, 2), redeemed_at timestamp,
            redeemed_on date
        );
    """)
    rows: dict[str, list[list[object]]] = {}
    for user, account in enumerate(accounts):
        rows.setdefault("loyalty_members", []).append([f"u{user}", "1970-01-01"])
        for number, (kind, hour, amount, _) in enumerate(account):
            at = moment(hour)
            if kind == "purchase":
                row = [f"u{user}", f"o{number}|1", "earned", f"u{user} o{number}", 1, at, at.date()]
                row += [at.date() + timedelta(days=KEEPS), 1, money(amount)]
                rows.setdefault("points_earned", []).append(row)
            elif kind == "redemption":
                row = [f"r{number}", f"u{user}", "", money(amount), at, at.date()]
                rows.setdefault("stg_points_redemptions", []).append(row)
        for hour, purchase, _, tenths in returns_of(account):
            row = [f"u{user} o{purchase}", 1, moment(hour), moment(hour).date(), Decimal(tenths) / 10]
            rows.setdefault("stg_returns", []).append(row)
    for table, values in rows.items():
        listed = ", ".join("(" + ", ".join(f"'{value}'" for value in row) + ")" for row in values)
        connection.execute(f"insert into {table} values {listed}")


TIERS: dict[str, list[float | None]] = {
    "basic": [1, 0, 0, 0, 1.0],
    "silver": [2, 1000, 800, 90, 1.25],
    "gold": [3, 2500, 2000, 90, 1.5],
}
"""Rank, enter_points, stay_points, min_days_in_tier, points_multiplier by tier."""


@pytest.mark.parametrize(
    ("tier", "values", "sentence"),
    [
        ("silver", TIERS["silver"], None),
        ("gold", [3, 2500, 2500, 0, 1.5], None),  # no band is odd, but nothing contradicts
        (
            "gold",
            [3, 2500, 2600, 90, 1.5],
            "gold: stay_points 2600.00 is above enter_points 2500.00, so who enters would fall out again; lower stay_points",
        ),
        ("gold", [2, 2500, 2000, 90, 1.5], "gold: gold and silver both have rank 2; give each tier a rank of its own"),
        (
            "gold",
            [3, 1000, 800, 90, 1.5],
            "gold: enter_points 1000.00 is not above that of silver, the tier below it; raise it or change the ranks",
        ),
        ("basic", [1, 1, 0, 0, 1.0], "(all rows): there is no base tier; one row needs enter_points 0"),
        ("silver", [2, 1000, None, 90, 1.25], "silver: a value is missing; fill in every column"),
        ("silver", [2, 1000, 800, -1, 1.25], "silver: points and days are 0 or more; correct the one below 0"),
        ("silver", [2, 1000, 800, 90, 0], "silver: points_multiplier is not above 0; 1 earns what the policy says"),
    ],
)
def test_tiers_that_contradict_each_other_are_named(
    renderer: Renderer, connection: duckdb.DuckDBPyConnection, tier: str, values: list[float | None], sentence: str | None
) -> None:
    changed: dict[str, list[float | None]] = {**TIERS, tier: values}
    faults = tier_faults(renderer, connection, [[name, *row] for name, row in changed.items()])
    assert (faults[0] if faults else None) == sentence


def test_a_tier_that_is_there_twice_and_no_tier_at_all_are_named(
    renderer: Renderer, connection: duckdb.DuckDBPyConnection
) -> None:
    twice: list[list[object]] = [["basic", 1, 0, 0, 0, 1.0], ["basic", 2, 100, 50, 0, 1.0]]
    assert tier_faults(renderer, connection, twice)[0] == "basic: the tier is there twice; keep one row"
    assert tier_faults(renderer, connection, []) == ["(all rows): there is no base tier; one row needs enter_points 0"]


class Tiers:
    """Tiers dealt day after day by the model's own SQL, over the record that it leaves."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.statement = Renderer(SETTINGS[1]).model(PROJECT / "models/promotions/loyalty_tier_changes.sql")[0]
        write_tiers(connection, [[name, *row] for name, row in TIERS.items()])
        connection.execute(f"""
            create macro {ENGINE_PREFIX}days_between(first_day, last_day) as date_diff('day', first_day, last_day);
            create table this_model (
                as_of_date date, user_id varchar, tier varchar, tier_since date, former_tier varchar, qualifying_points double,
                points_multiplier double, reason varchar
            );
        """)

    def deal(self, day: date, members: list[tuple[str, float, str | None]]) -> None:
        """(user, qualifying points, the tier the shop says, if it says one)."""
        listed = ", ".join(f"('{user}', {points}, {repr(tier) if tier else 'null'})" for user, points, tier in members)
        self.connection.execute(f"""
            create or replace table loyalty_members as
            select *, date '{day}' as as_of_date, if(shop_tier is null, 'policy', 'shop') as run_by
            from (values {listed}) as members (user_id, qualifying_points, shop_tier)
        """)
        self.connection.execute(f"insert into this_model {self.statement}")

    def held(self) -> dict[str, tuple[str, date]]:
        """Tier and since when, by user."""
        newest = """
            select user_id, max_by(tier, as_of_date), max_by(tier_since, as_of_date) from this_model group by user_id
        """
        return {user: (tier, since) for user, tier, since in self.connection.execute(newest).fetchall()}


BEFORE = date(2024, 1, 1)
TODAY = date(2024, 3, 31)
"""90 days later."""


@pytest.mark.parametrize(
    ("former", "since", "points", "said", "dealt"),
    [
        (None, BEFORE, 999.99, None, ("basic", TODAY, "JOINED")),
        ("basic", BEFORE, 1000, None, ("silver", TODAY, "UP")),
        ("basic", BEFORE, 2500, None, ("gold", TODAY, "UP")),
        ("silver", BEFORE, 800, None, None),  # between stay and enter: nothing changes
        ("silver", BEFORE, 799.99, None, ("basic", TODAY, "DOWN")),
        ("silver", BEFORE + timedelta(days=1), 0, None, None),  # not before 90 days
        ("gold", BEFORE, 1999, None, ("silver", TODAY, "DOWN")),
        ("gold", BEFORE, 800, None, ("silver", TODAY, "DOWN")),  # enough to stay in silver, if not to enter it
        ("gold", BEFORE, 0, None, ("basic", TODAY, "DOWN")),
        ("bronze", BEFORE, 850, None, ("basic", TODAY, "TIERS_RENAMED")),
        ("gold", BEFORE, 0, "gold", None),  # the shop keeps its members itself
        ("gold", BEFORE, 0, "platinum", ("platinum", TODAY, "SHOP")),
    ],
)
def test_one_goes_up_at_once_and_down_below_stay_alone(
    connection: duckdb.DuckDBPyConnection,
    former: str | None,
    since: date,
    points: float,
    said: str | None,
    dealt: tuple[str, date, str] | None,
) -> None:
    tiers = Tiers(connection)
    if former is not None:
        multiplier = TIERS.get(former, [0, 0, 0, 0, 1.0])[4]
        # a later day, built before, says nothing about this one
        connection.execute(
            f"""
            insert into this_model values
                ('{since}', 'u', '{former}', '{since}', null, 0, {multiplier}, 'JOINED'),
                ('{TODAY + timedelta(days=9)}', 'u', 'silver', '{TODAY + timedelta(days=9)}', null, 0, 1.25, 'UP')
            """
        )
    tiers.deal(TODAY, [("u", points, said)])
    today = f"select tier, tier_since, reason from this_model where as_of_date = '{TODAY}'"
    assert connection.execute(today).fetchall() == ([dealt] if dealt else [])


def test_a_tier_that_earns_another_multiple_is_held_on(connection: duckdb.DuckDBPyConnection) -> None:
    tiers = Tiers(connection)
    tiers.deal(BEFORE, [("u", 1000, None)])
    connection.execute("update loyalty_tiers set points_multiplier = 1.3 where tier = 'silver'")
    tiers.deal(TODAY, [("u", 900, None)])
    assert connection.execute("select tier, tier_since, points_multiplier, reason from this_model").fetchall() == [
        ("silver", BEFORE, 1.25, "JOINED"),
        ("silver", BEFORE, 1.3, "TERMS"),
    ]


_walks = st.lists(st.lists(st.integers(0, 3_000), min_size=6, max_size=6), min_size=20, max_size=40)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(walks=_walks)
def test_tiers_follow_from_the_record_of_earlier_days(walks: list[list[int]]) -> None:
    """Members' points on six days, 40 days apart: up at once, down below stay_points and after 90 days alone."""
    with duckdb.connect() as connection:
        tiers = Tiers(connection)
        held: dict[str, tuple[str, date]] = {}
        for visit in range(6):
            day = BEFORE + timedelta(days=40 * visit)
            points = {f"u{number}": walk[visit] for number, walk in enumerate(walks)}
            tiers.deal(day, [(user, count, None) for user, count in points.items()])
            for user, count in points.items():
                tier = next_tier(held.get(user), count, day)
                held[user] = held[user] if user in held and held[user][0] == tier else (tier, day)
            assert tiers.held() == held


def next_tier(held: tuple[str, date] | None, points: int, day: date) -> str:
    """The tier on `day` of a member who held `held` (tier, since when) before."""
    ranks = list(TIERS)
    entered = max((name for name in ranks if points >= int(TIERS[name][1] or 0)), key=ranks.index)
    if held is None or ranks.index(entered) > ranks.index(held[0]):
        return entered
    _, _, stay, least_days, _ = TIERS[held[0]]
    if points >= int(stay or 0) or (day - held[1]).days < int(least_days or 0):
        return held[0]
    below = ranks[: ranks.index(held[0])]
    return max((name for name in below if points >= int(TIERS[name][2] or 0)), key=ranks.index)


def write_tiers(connection: duckdb.DuckDBPyConnection, rows: list[list[object]]) -> None:
    connection.execute("""
        create or replace table loyalty_tiers (
            tier varchar, rank integer, enter_points double, stay_points double, min_days_in_tier integer,
            points_multiplier double
        )
    """)
    for row in rows:
        connection.execute("insert into loyalty_tiers values (?, ?, ?, ?, ?, ?)", row)


def tier_faults(renderer: Renderer, connection: duckdb.DuckDBPyConnection, rows: list[list[object]]) -> list[str]:
    """What the build would say of such a seeds/loyalty_tiers.csv."""
    write_tiers(connection, rows)
    statement = f"select policy_row || ': ' || fault from ({renderer.macro('loyalty_tier_faults')}) order by all"
    return [fault for (fault,) in connection.execute(statement).fetchall()]

"""Orange juice: the shop's demand response, with own and rivals' prices, foresees later weeks of 11 brands in 83 stores.

python benchmarks/orange_juice.py orange_juice_prices.parquet [--later-from 130]

The data are Dominick's, as in the R package bayesm (orangeJuice): one row a store, brand and week. The dbt models' SQL is fitted
on the weeks before; it beats last week's units and the own price alone when the whole 95 % interval of the gain lies above 0.
"""

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from demand_forecast import ORANGE_JUICE, Forecast, forecast


def show(found: Forecast, category: str | None) -> str:
    """One line of the table."""
    price, week = found.gain("own price", category), found.gain("last week", category)
    response = found.responses[category] if category else {}
    cells = [f"{response[cause] or 0:7.2f}" if category else " " * 7 for cause in ("price", "rival")]
    errors = [f"{found.rmse(way, category):6.3f}" for way in ("all causes", "own price", "last week")]
    explained = f"{found.r2('all causes', category):6.2f}" if category else " " * 6
    gains = [f"{gain:6.3f} ({low:6.3f} to {high:6.3f})" for gain, low, high in (price, week)]
    return f"{category or 'all':>5} {' '.join(cells)}  {' '.join(errors)} {explained}   {'   '.join(gains)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--later-from", type=int, default=130, help="first week that is foreseen (40 to 160)")
    arguments = parser.parse_args()
    later_from = date(1989, 9, 14) + timedelta(weeks=arguments.later_from - 1)
    found = forecast(ORANGE_JUICE.format(path=arguments.data), later_from)
    print("      response to price      RMSE of ln(units) by              lower RMSE than by")
    print("brand     own  rivals  all   own price last week   R²   own price                    last week's units")
    for category in sorted(found.responses, key=int):
        print(show(found, category))
    print(show(found, None))
    negative = sum((response["price"] or 0) < 0 for response in found.responses.values())
    beaten = all(found.gain(other)[1] > 0 for other in ("own price", "last week"))
    print(f"own price: {negative} of {len(found.responses)} responses negative (limit: all)")
    print(f"both beaten: {'yes' if beaten else 'no'}")
    sys.exit(0 if beaten and negative == len(found.responses) else 1)


if __name__ == "__main__":
    main()

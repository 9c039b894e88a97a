"""As-of dates half a year apart: what is found in one half-year is held against the next."""

from datetime import date, timedelta

from models_onnx.time_split import ThinData, TimeSplit

HALF_YEAR_DAYS = 182


def half_year_split(first_day: date, data_until: date) -> TimeSplit:
    """Train half a year before `data_until`, validation a quarter, test on the day itself, when the second half-year is over.

    Raises ThinData when there are not two half-years to compare.
    """
    days = (data_until - first_day).days
    if days < 2 * HALF_YEAR_DAYS:
        raise ThinData(
            f"the shop's history is {days} days long; two half-years, {2 * HALF_YEAR_DAYS} days, are needed to compare"
        )
    return TimeSplit(
        train=[data_until - timedelta(days=HALF_YEAR_DAYS)],
        validation=[data_until - timedelta(days=HALF_YEAR_DAYS // 2)],
        test=[data_until],
    )

"""Numbers, money and days as people of a language write them (Babel; CLDR's patterns)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import format_currency, format_decimal, format_percent

LOCALES = {"en": "en_US", "zh": "zh_Hans_CN"}
MINUS = "\N{MINUS SIGN}"

Number = int | float | Decimal


class Numbers:
    """Formats for one language, one currency (ISO 4217; None: not known) and one time zone (None: UTC)."""

    def __init__(self, language: str, currency: str | None, timezone: str | None) -> None:
        self.locale = Locale.parse(LOCALES[language])
        self.currency = currency
        self.timezone = ZoneInfo(timezone or "UTC")

    def count(self, value: Number) -> str:
        """A whole number."""
        return self.number(value, 0)

    def number(self, value: Number, digits: int = 3) -> str:
        """A number with so many decimals, rounded half to even."""
        pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return self._signed(format_decimal(value, format=pattern, locale=self.locale))

    def money(self, value: Number, whole: bool | None = None) -> str:
        """An amount; without cents where `whole`, or from 100 on unless told."""
        if whole if whole is not None else abs(float(value)) >= 100:
            if self.currency is None:
                return self.count(value)
            amount = format_currency(value, self.currency, format="¤#,##0", locale=self.locale, currency_digits=False)
            return self._signed(amount)
        if self.currency is None:
            return self.number(value, 2)
        return self._signed(format_currency(value, self.currency, locale=self.locale))

    def share(self, value: Number) -> str:
        """A share as percent, with a decimal below ten percent."""
        digits = "0" if value == 0 or abs(float(value)) >= 0.0995 else "0.0"
        return self._signed(format_percent(value, format=f"#,##{digits}%", locale=self.locale))

    def day(self, value: date) -> str:
        """A day in full."""
        return str(format_date(value, format="long", locale=self.locale))

    def short_day(self, value: date) -> str:
        """A day in few characters."""
        return str(format_date(value, format="medium", locale=self.locale))

    def moment(self, value: datetime) -> str:
        """A moment (UTC) to the minute."""
        return f"{self.short_day(value)} {value:%H:%M}"

    def span(self, starts_at: datetime, ends_at: datetime) -> str:
        """First and last of the shop's days between two moments (UTC), the second exclusive."""
        first, last = (
            moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.timezone).date()
            for moment in (starts_at, ends_at - timedelta(microseconds=1))
        )
        return self.short_day(first) if first >= last else str(format_interval(first, last, "yMMMd", locale=self.locale))

    def _signed(self, text: str) -> str:
        return text.replace("-", MINUS, 1)

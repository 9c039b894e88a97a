"""What is to be minded of some currencies, by ISO 4217 code; amounts are kept with two decimals."""

WHOLE_UNITS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "IDR", "TWD", "COP", "PYG", "UGX", "XAF", "XOF"})
"""Currencies that are paid in whole units."""

THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Currencies whose third decimal is rounded away."""

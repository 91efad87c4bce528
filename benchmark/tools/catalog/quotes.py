"""Tools for the weather and for market prices. The results are always those of one fixed day."""

from __future__ import annotations

from typing import Literal

from toolmark.benchmark.tools.catalog._values import FIXTURE

_WEATHER = {
    "New York": (24, "partly cloudy"),
    "London": (17, "light rain"),
    "Tokyo": (27, "humid and clear"),
    "Paris": (21, "sunny"),
}
_STOCKS = {"AAPL": 201.5, "GOOGL": 174.25, "MSFT": 462.0, "TSLA": 318.75}
_COINS = {"BTC": 104_250.0, "ETH": 2_515.5, "ADA": 0.64, "DOT": 3.85}


def get_weather(city: Literal["New York", "London", "Tokyo", "Paris"]) -> dict[str, object]:
    """Get the current weather of a city.

    Args:
        city: One of the four cities.
    """
    celsius, sky = _WEATHER[city]
    return {"city": city, "temperature_c": celsius, "condition": sky, "note": FIXTURE}


def fetch_stock_price(symbol: Literal["AAPL", "GOOGL", "MSFT", "TSLA"]) -> dict[str, object]:
    """Get the current price of a share in US dollars.

    Args:
        symbol: Ticker symbol of the share.
    """
    return {"symbol": symbol, "price_usd": _STOCKS[symbol], "note": FIXTURE}


def fetch_crypto_price(symbol: Literal["BTC", "ETH", "ADA", "DOT"]) -> dict[str, object]:
    """Get the current price of a cryptocurrency in US dollars.

    Args:
        symbol: Symbol of the currency.
    """
    return {"symbol": symbol, "price_usd": _COINS[symbol], "note": FIXTURE}

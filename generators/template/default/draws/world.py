"""Draws arguments for tools about weather, prices and searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template.default.draws.draw import Draw, Drawer
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["DRAWERS"]

_COMPANIES = {"AAPL": "Apple", "GOOGL": "Google", "MSFT": "Microsoft", "TSLA": "Tesla"}
_COINS = {"BTC": "Bitcoin", "ETH": "Ethereum", "ADA": "Cardano", "DOT": "Polkadot"}
_TOPICS = (
    *("the history of {0}", "how to repair a {0}", "{1} {0} recipes", "the best {0} museums", "news about {2}"),
    *("electric cars in {2}", "hiking near {2}", "{1} {0} designs", "growing a {0} at home", "the population of {2}"),
    *("learning to play the {0}", "street food in {2}", "cheap hotels in {2}", "{0} collectors", "festivals in {2}"),
)
_POLICIES = (
    *("parental leave", "password resets", "expense reports", "working from home", "business travel", "sick days"),
    *("onboarding of new colleagues", "API rate limits", "API authentication", "data protection", "phishing reports"),
    *("laptop replacement", "meal allowances", "vacation requests", "overtime", "training budgets", "security badges"),
    *("visitors in the office", "code reviews", "incident reports", "company cars", "parking", "bonus payments"),
)


def _weather(rng: Random) -> Draw:
    city = rng.choice(("New York", "London", "Tokyo", "Paris"))
    return Draw({"city": city}, {"city": city})


def _stock(rng: Random) -> Draw:
    symbol = rng.choice(list(_COMPANIES))
    company = _COMPANIES[symbol]
    return Draw({"symbol": symbol}, {"symbol": rng.choice((symbol, company)), "company": company})


def _crypto(rng: Random) -> Draw:
    symbol = rng.choice(list(_COINS))
    coin = _COINS[symbol]
    return Draw({"symbol": symbol}, {"symbol": rng.choice((symbol, coin)), "coin": coin})


def _query(query: str) -> Draw:
    return Draw({"query": query}, {"query": query}, {"query": {"match": "contains", "of": [query]}})


def _web(rng: Random) -> Draw:
    known = words()
    return _query(
        rng.choice(_TOPICS).format(rng.choice(known.things), rng.choice(known.adjectives), rng.choice(known.cities))
    )


def _knowledge(rng: Random) -> Draw:
    region = rng.choice(("", "", " in the {0} office", " for the {0} team")).format(rng.choice(words().cities))
    return _query(rng.choice(_POLICIES) + region)


DRAWERS: dict[str, Drawer] = {
    "get_weather": _weather,
    "fetch_stock_price": _stock,
    "fetch_crypto_price": _crypto,
    "web_search": _web,
    "retrieve_data": _knowledge,
}

"""The built-in catalog: forty everyday tools as typed functions, all pure.

A tool that would reach the world (weather, mail, search, prices) answers from fixed sample data, and its result says
so: the same call gives the same answer on every machine and day, and nothing is sent.

Schemas are read in the main process, functions run only in the sandbox's worker. So these modules import nothing heavy
at the top; what a function needs is imported inside it.
"""

from __future__ import annotations

from functools import cache

from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.tools.sources.python import tools_from_python

__all__ = ["catalog"]

_MODULES = (
    "arithmetic",
    "conversions",
    "database",
    "dates",
    "descriptive",
    "lists",
    "messages",
    "money",
    "passwords",
    "planning",
    "quotes",
    "search",
    "text",
)

# The order in which the original tutorial lists them, and in which a model sees them.
_ORDER = (
    "calculator",
    "compute_median",
    "compute_std_dev",
    "compute_min_max",
    "calculate_combinations",
    "calculate_tax",
    "add_days_to_date",
    "get_weekday_from_date",
    "convert_time_zone",
    "calculate_date_diff",
    "get_unix_timestamp",
    "get_current_datetime",
    "reverse_list",
    "deduplicate_list",
    "sort_list",
    "filter_list",
    "word_count",
    "char_count",
    "slugify_text",
    "extract_hashtags",
    "extract_urls",
    "validate_email",
    "extract_phone_number",
    "convert_bases",
    "unit_conversion",
    "convert_currency",
    "get_weather",
    "fetch_stock_price",
    "fetch_crypto_price",
    "send_email",
    "send_slack_message",
    "post_to_x",
    "create_event",
    "set_reminder",
    "add_to_todo_list",
    "web_search",
    "notion_search",
    "retrieve_data",
    "query_database",
    "generate_password",
)


@cache
def catalog() -> Toolbox:
    """The toolbox `catalog`: all forty tools."""
    found = {
        tool.name: tool
        for module in _MODULES
        for tool in tools_from_python(f"{__name__}.{module}", default_effects="pure")
    }
    return Toolbox(name="catalog", tools=tuple(found[name] for name in _ORDER))

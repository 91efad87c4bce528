"""The built-in catalog of everyday tools. Each tool is a typed function, and all tools are pure.

To add a tool, write a public function in a module of this folder, and add calls of the tool to
`tests/benchmark/tools/test_catalog.py`. Modules whose names begin with an underscore contain no tools.

Some tools would need a service, for example weather, mail or search. These tools return fixed sample data, and their
results say so. Nothing is sent, and a call gives the same result on every machine and every day.

The main process reads only the schemas of these modules, so the modules must be quick to import. If a function needs a
large package, the function imports the package in its body.
"""

from __future__ import annotations

from functools import cache
from pkgutil import iter_modules

from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.tools.sources.python import tools_from_python

__all__ = ["catalog"]

_TUTORIAL_ORDER = (
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
"""The tools of the original tutorial, in its order. A model sees the tools in this order, so the ids of cases depend on
the order."""


@cache
def catalog() -> Toolbox:
    """Return the toolbox `catalog`.

    The toolbox contains the tools of the tutorial, in the order of the tutorial. Then the other tools follow, sorted by
    module and by position in the module.
    """
    modules = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    tools = {
        tool.name: tool
        for module in modules
        for tool in tools_from_python(f"{__name__}.{module}", default_effects="pure")
    }
    names = dict.fromkeys((*_TUTORIAL_ORDER, *tools))
    return Toolbox(name="catalog", tools=tuple(tools[name] for name in names))

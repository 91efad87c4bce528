"""The built-in catalog, which contains everyday tools as typed functions. All of these tools are pure.

To add a tool, write a public function in a module of this folder or in a new module. Then write calls of the tool in
`tests/benchmark/tools/test_catalog.py`. Every module whose name has no leading underscore is read. Modules with a
leading underscore contain code that several modules share.

Some tools would need the outside world (weather, mail, search, prices). These tools return fixed sample data, and their
results say so. So the same call gives the same answer on every machine and day, and nothing is sent.

The main process reads the schemas, and only the sandbox's worker runs the functions. So these modules import no large
package at the top. If a function needs a large package, the import is in the function's body.
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
"""The tools of the original tutorial, in the tutorial's order. A model sees the tools in this order, so the order is
part of a case's id."""


@cache
def catalog() -> Toolbox:
    """The toolbox `catalog`.

    It contains the tutorial's tools in the tutorial's order. The other tools follow, sorted by module and by place in
    the module.
    """
    modules = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    tools = {
        tool.name: tool
        for module in modules
        for tool in tools_from_python(f"{__name__}.{module}", default_effects="pure")
    }
    names = dict.fromkeys((*_TUTORIAL_ORDER, *tools))
    return Toolbox(name="catalog", tools=tuple(tools[name] for name in names))

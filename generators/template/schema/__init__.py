"""Any tool with a schema: questions and valid arguments from its description, argument names, enums and bounds."""

from toolmark.generators.template.schema.described import DescribedTool, Phrase
from toolmark.generators.template.schema.samples import Undrawable

__all__ = ["DescribedTool", "Phrase", "Undrawable"]

"""Any tool with a schema: questions and valid arguments from its description, argument names, enums and bounds."""

from toolmark.generators.template.schema.described_tool import DescribedTool, DrawnQuestion
from toolmark.generators.template.schema.samples import CannotSample

__all__ = ["CannotSample", "DescribedTool", "DrawnQuestion"]

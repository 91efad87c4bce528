"""Makes questions and valid arguments for any tool, from the tool's description, argument names and schema."""

from toolmark.generators.template.schema.described_tool import DescribedTool, DrawnQuestion
from toolmark.generators.template.schema.samples import CannotSample

__all__ = ["CannotSample", "DescribedTool", "DrawnQuestion"]

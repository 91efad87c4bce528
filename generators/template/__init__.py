"""The template generator: seeded, offline, from word lists and phrasings.

Two mixes: `default` asks for the tools of a toolbox, runs the right calls and knows the gold; `pocket` makes its own
tools and is what the embedded base model is trained on.
"""

from toolmark.generators.template.generator import TemplateGenerator, TemplateOptions

__all__ = ["TemplateGenerator", "TemplateOptions"]

"""Generator `template`: conversations from word lists and phrasings. It is offline and seeded.

It has two mixes. `default` asks for the tools of a toolbox, runs the right calls, and writes cases with their right
answers. `pocket` invents its tools; the embedded base model is trained on it.

    generator.py   the plug-in and its options
    default/       the mix `default`
    schema/        questions and arguments for any tool, from its definition
    pocket/        the mix `pocket`
    smalltalk.py   questions that need no tool, for both mixes
    values.py      random values such as names, dates and codes
    words.py       the word lists
"""

from toolmark.generators.template.generator import TemplateGenerator, TemplateOptions

__all__ = ["TemplateGenerator", "TemplateOptions"]

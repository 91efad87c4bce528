"""Generator `template`: conversations from word lists and phrasings. It is offline and seeded.

The generator has two mixes. The mix `default` makes questions for the tools of a toolbox, runs the right calls, and
writes cases with the right answers. The mix `pocket` invents its tools. The embedded base model is trained on the mix
`pocket`.

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

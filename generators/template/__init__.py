"""Generator `template`: makes conversations from word lists and phrasings.

The generator needs no network. The same seed gives the same conversations. The generator has three mixes:

    default   makes questions for the tools of a toolbox, runs the right calls, and writes cases with the right answers
    worlds    makes conversations of several turns in the shipped worlds, and writes scenarios
    pocket    invents its tools; this mix is the training data of the embedded model

The modules are:

    generator.py   the plug-in and its options
    default/       the mix `default`
    worlds/        the mix `worlds`
    schema/        questions and arguments for any tool, made from the definition of the tool
    pocket/        the mix `pocket`
    smalltalk.py   questions that need no tool
    values.py      random values such as names, dates and codes
    words.py       the word lists
"""

from toolmark.generators.template.generator import TemplateGenerator, TemplateOptions

__all__ = ["TemplateGenerator", "TemplateOptions"]

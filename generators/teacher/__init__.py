"""The teacher generator: other models write the questions, make the calls and say the answers.

Three roles, which may be three models: the query writer, the caller, and the answerer. Their instructions are the files
of `prompts/`. Every reply is kept in a ledger beside the dataset, so that a run that was killed is continued by giving
the same command again, and nothing is paid for twice.
"""

from toolmark.generators.teacher.generator import TeacherGenerator
from toolmark.generators.teacher.options import TeacherOptions

__all__ = ["TeacherGenerator", "TeacherOptions"]

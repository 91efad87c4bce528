"""Generator `teacher`: other models write the questions, make the calls and write the answers.

There are three roles, and each may be another model: the query writer, the caller, and the answerer. Their instructions
are the files of `prompts/`. Every reply is kept in a ledger beside the dataset. A killed run continues when the same
command is given again, and no reply is paid for twice.
"""

from toolmark.generators.teacher.generator import TeacherGenerator
from toolmark.generators.teacher.options import TeacherOptions

__all__ = ["TeacherGenerator", "TeacherOptions"]

"""Generator `teacher`: other models write the questions, make the calls and write the answers.

There are three roles: the query writer, the caller, and the answerer. Each role can use a different model. The
instructions of the roles are the files of `prompts/`. Every reply is stored in a ledger next to the dataset. To
continue a killed run, run the same command again. No reply is paid for twice.
"""

from toolmark.generators.teacher.generator import TeacherGenerator
from toolmark.generators.teacher.options import TeacherOptions

__all__ = ["TeacherGenerator", "TeacherOptions"]

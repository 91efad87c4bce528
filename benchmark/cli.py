"""The command `toolmark`. Every subcommand is a plug-in, which is imported only when the subcommand is called."""

from __future__ import annotations

import sys

from toolmark.benchmark.core.interruption import EXIT_CODE, how_to_continue, interruptible
from toolmark.benchmark.core.launched_process import launched_process, let_first_report

__all__ = ["main"]

_BROKEN_PIPE = 141
"""The exit code of a program that SIGPIPE ends, as shells show it."""


def main() -> None:
    """Run the command line. A mistake of the user is printed as one line. Each kind of error has its own exit code."""
    try:
        with interruptible():
            _run()
    except KeyboardInterrupt as interrupted:
        if launched_process().first:
            print(f"Interrupted. {interrupted}".rstrip(), how_to_continue(), file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_CODE)


def _run() -> None:
    # These imports take most of a second, in which the command can be interrupted like later.
    import os
    import traceback
    import warnings
    from importlib.metadata import version

    from cyclopts import App, CycloptsError
    from rich.console import Console

    from toolmark.benchmark.core.errors import InputError, ToolmarkError
    from toolmark.benchmark.core.printing import printable
    from toolmark.benchmark.core.progress import phases_shown
    from toolmark.benchmark.core.registry import load, names, target
    from toolmark.benchmark.core.unexpected_errors import defect_line, system_fault

    root = App(
        name="toolmark",
        version=version("toolmark"),
        help="Did the fine-tune make the model better at calling tools, and what is the proof?",
        suppress_keyboard_interrupt=False,
    )
    warnings.formatwarning = lambda message, *_, **__: f"WARNING: {message}\n"
    lists_commands = not sys.argv[1:] or sys.argv[1].startswith("-")
    try:
        _check_launcher()
        for name in names("toolmark.commands"):
            # To list the commands with their descriptions, all commands are imported. Otherwise only the called command
            # is imported.
            group = load("toolmark.commands", name) if lists_commands else target("toolmark.commands", name)
            root.command(group, name=name)
        with phases_shown(Console(stderr=True, quiet=not launched_process().first)):
            root(exit_on_error=False)
    except CycloptsError as error:  # cyclopts has already printed the error.
        command = " ".join(["toolmark", *(error.command_chain or ())])
        print(f"To see how the command is written: {command} --help", file=sys.stderr)  # noqa: T201
        sys.exit(InputError.exit_code)
    except ToolmarkError as error:
        let_first_report()
        print(f"ERROR: {printable(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:  # The reader of the output has ended, for example `head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
    except Exception as error:
        let_first_report()
        if (fault := system_fault(error)) is not None:
            print(f"ERROR: {printable(str(fault))}", file=sys.stderr)  # noqa: T201
            sys.exit(fault.exit_code)
        print(printable(traceback.format_exc()), defect_line(error), sep="", file=sys.stderr)  # noqa: T201
        sys.exit(ToolmarkError.exit_code)


def _check_launcher() -> None:
    """Check that a launcher started several processes only for a training."""
    from toolmark.benchmark.core.errors import InputError

    started = launched_process()
    if started.count > 1 and sys.argv[1:2] != ["train"]:
        raise InputError(
            f"a launcher started this command in {started.count} processes, but only a training uses several processes",
            "Run the command without the launcher: toolmark",
        )


if __name__ == "__main__":
    main()

"""Makes a world of the classes of BFCL's multi-turn categories.

The classes are part of the package `bfcl-eval`, which must be installed. Their code is imported only in the worker of
the sandbox, and only if the user named BFCL's files with `--cases bfcl:PATH`.
"""

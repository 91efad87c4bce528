"""Confines the process of one tool call, for the rest of its life.

The process runs the code of a tool with arguments that a model wrote, so nothing in the process is trusted afterwards:
the code can change every object of Python and call every system call. For this reason the operating system enforces the
limits, and the process cannot remove them.

| limit | Linux | macOS | Windows |
|---|---|---|---|
| files outside the scratch folder | Landlock | audit hook | audit hook |
| network, processes, signals, memory of others | seccomp | audit hook | audit hook |
| processor time, size and number of files | resource limits | resource limits | – |
| memory | resource limits | – | – |

The audit hook is Python code in the process. It gives clear errors on every platform, but hostile code can remove it.
`missing_limits` names what the platform does not enforce.

A process can still ask for the size, the times and the existence of files whose path it knows. It cannot read them.
"""

"""Confines a process that makes tool calls, until the process ends.

The process runs the code of a tool with arguments that a model wrote. The code can change every Python object and make
every system call, so nothing in the process is trusted afterwards. For this reason the operating system enforces the
limits, and the process cannot remove them.

| limit | Linux | macOS | Windows |
|---|---|---|---|
| files outside the scratch folder | Landlock | audit hook | audit hook |
| network, processes, signals, memory of others | seccomp | audit hook | audit hook |
| processor time, size and number of files | resource limits | resource limits | – |
| memory | resource limits | – | – |

The audit hook is Python code in the process. It gives clear errors on every platform, but hostile code can remove it.
`missing_limits` names the limits that the operating system does not enforce.

A confined process cannot read other files. But if the process knows the path of a file, it can find out whether the
file exists, how large it is, and when it was changed.
"""

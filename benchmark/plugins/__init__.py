"""The protocols of plug-ins, and the command-line commands of plug-ins."""

"""What a plug-in is, and the commands that plug-ins get."""

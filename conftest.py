"""What pytest reads at the root alone: pytester, with which the plug-in is tested; the rest is in the plug-in."""

pytest_plugins = ["pytester"]

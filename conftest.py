"""What pytest reads at the root alone: pytester, with which the plug-in is tested. All else is in benchmark.plugin."""

pytest_plugins = ["pytester"]

"""Loads pytester, which the tests of the pytest plug-in use. Pytest reads `pytest_plugins` only in the root folder."""

pytest_plugins = ["pytester"]

"""The packages: folders of the top level, under the one name `toolmark`. All else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

ROOMS = ("benchmark", "suites", "generators", "trainers", "reports")

setup(
    packages=[
        "toolmark",
        *(f"toolmark.{name}" for name in find_namespace_packages(include=[f"{room}*" for room in ROOMS])),
    ],
    package_dir={f"toolmark.{room}": room for room in ROOMS},
)

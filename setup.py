"""The packages: folders of the top level, under the one name `toolmark`. All else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

PACKAGES = ("benchmark", "suites", "generators", "trainers", "reports")

setup(
    packages=[
        "toolmark",
        *(f"toolmark.{name}" for name in find_namespace_packages(include=[f"{package}*" for package in PACKAGES])),
    ],
    package_dir={f"toolmark.{package}": package for package in PACKAGES},
)

"""What pytest reads at the root alone: the plug-in under test, and hypothesis profiles. All else is in benchmark.plugin."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")

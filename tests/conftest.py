"""How the property tests look for counterexamples; ``pytest --hypothesis-profile=search`` chooses another way."""

from hypothesis import HealthCheck, settings

# The same examples on every run and machine: a red build stays red until it is repaired.
settings.register_profile(
    "everyday", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
# Other examples on every run, many of them: to be left running after the ops were changed.
settings.register_profile("search", settings.get_profile("everyday"), derandomize=False, max_examples=2000)
settings.load_profile("everyday")

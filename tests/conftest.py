import os

from hypothesis import HealthCheck, settings

# No deadline and no verdict on slow data: both measure how busy the machine is.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: a change fails for what it does, not for its luck.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")

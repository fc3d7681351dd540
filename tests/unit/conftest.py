"""Property tests have no deadline of their own: a machine that also builds images may be slow for a second."""

from hypothesis import HealthCheck, settings

settings.register_profile("raymesh", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raymesh")

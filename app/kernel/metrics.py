"""Where counters and gauges are kept; telemetry shows them at ``/metrics``.

Rooms make theirs here, at import: ``Counter(..., registry=REGISTRY)``. Labels are
few and never of people.
"""

from prometheus_client import CollectorRegistry

REGISTRY = CollectorRegistry()

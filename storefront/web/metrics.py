"""Prometheus metrics of the HTTP edge, in a registry of their own (never the process-wide one).

A route's children are resolved at registration, a status's at its first use: a request costs two
increments. Labels are route templates, so their number is bounded.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

UNMATCHED = "(none)"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RouteMetrics:
    """The counters of one route."""

    __slots__ = ("_count", "_counter", "_method", "_route", "observe_seconds")

    def __init__(self, method: str, route: str, *, requests: Counter, seconds: Histogram) -> None:
        self._method = method
        self._route = route
        self._counter = requests
        self._count: dict[int, Callable[[], None]] = {}
        self.observe_seconds: Callable[[float], None] = seconds.labels(method, route).observe

    def answered(self, status: int, seconds: float) -> None:
        """Count one answer."""
        count = self._count.get(status)
        if count is None:
            count = self._count[status] = self._counter.labels(self._method, self._route, str(status)).inc
        count()
        self.observe_seconds(seconds)


class HttpMetrics:
    """Requests by route and status, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "storefront_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "storefront_http_request_seconds",
            "Time from the request's headers to the end of its handler.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )

    def route(self, method: str, template: str) -> RouteMetrics:
        """Return the counters of a route."""
        return RouteMetrics(method, template, requests=self._requests, seconds=self._seconds)

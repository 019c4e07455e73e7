"""Numbers for a school's Prometheus: calls by direction, method and outcome, how long, and states.

A registry of our own, never the library's global one. Every label has few values, whatever
comes from outside: a method or fault that is not ours to know is counted as "other". Several
worker processes count into one folder of files (prometheus_client's multiprocess mode), so that
whichever of them is asked gives the sum of all. Source: RULES R14, R90.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from mnet.exchange_parts import Direction
from mnet.outcomes import BAD_ANSWER, FAULT, FAULT_CODES, OK, UNREACHABLE

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
# The library reads it when it is first imported, so it is set for worker processes at their start.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OTHER = "other"
# A call is a few milliseconds of RSA; one that asks a peer back may take its 10 or 30 s.
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_FAULTS = {f"{FAULT}{code}": str(code) for code in FAULT_CODES}
_OUTCOMES = {**_FAULTS, **{word: word for word in (OK, UNREACHABLE, BAD_ANSWER)}}


@dataclass(frozen=True, slots=True)
class Readings:
    """What the store says at the moment of a scrape; peers by their wwwroot."""

    # Events in the inbox that are held, in conflict or rejected.
    inbox: Mapping[str, int] = field(default_factory=dict)
    peer_key_expires_unix_s: Mapping[str, int] = field(default_factory=dict)
    peer_last_contact_unix_s: Mapping[str, int] = field(default_factory=dict)
    own_key_expires_unix_s: int | None = None


class Metrics:
    """Counts calls; one for the whole process, used by many threads."""

    def __init__(
        self,
        known_methods: Iterable[str] = (),
        readings: Callable[[], Readings] = Readings,
        version: str = "",
    ) -> None:
        """Know methods by the last segment of their path; `readings` is asked at each scrape."""
        self._known = frozenset(known_methods)
        self._readings = readings
        self._version = version
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "mnet_peer_calls",
            "Calls in and out, by outcome: ok, a fault's code, unreachable or bad answer.",
            ("direction", "method", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "mnet_peer_call_duration_seconds",
            "How long calls took.",
            ("direction",),
            buckets=BUCKETS_S,
            registry=self._registry,
        )

        # Looked up once: this is on every call's way, and the library's own look takes longer.
        self._lines: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def count(self, direction: Direction, method: str, outcome: str, taken_s: float) -> None:
        """Count one call: its name on the wire, its outcome as mnet.outcomes writes it."""
        name = method.rpartition("/")[2].removeprefix("system.")
        known = name if name in self._known else OTHER
        labels = (direction, known, _OUTCOMES.get(outcome, OTHER))
        lines = self._lines.get(labels)
        if lines is None:
            lines = (self._calls.labels(*labels), self._seconds.labels(direction))
            self._lines[labels] = lines
        lines[0].inc()
        lines[1].observe(taken_s)

    def page(self) -> bytes:
        """Return everything in Prometheus' text format; raises what `readings` raises."""
        states = _States(self._readings(), self._version)
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own
            calls = generate_latest(registry)
        else:
            calls = generate_latest(self._registry)
        now = CollectorRegistry()
        now.register(states)
        return calls + generate_latest(now)


def environment_of_workers() -> dict[str, str]:
    """Return the environment for worker processes that count together; their folder goes with us.

    The counts begin at zero with each start of the server, as Prometheus expects.
    """
    folder = tempfile.mkdtemp(prefix="mnet-peer-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {**os.environ, FOLDER_VARIABLE: folder}


@dataclass(frozen=True, slots=True, eq=False)  # a registry keeps it by its identity
class _States:
    """Readings as Prometheus wants them."""

    readings: Readings
    version: str

    def collect(self) -> Iterable[Metric]:
        """Give one family after the other."""
        build = GaugeMetricFamily("mnet_peer_build_info", "The version.", labels=["version"])
        build.add_metric([self.version], 1)
        yield build
        own = self.readings.own_key_expires_unix_s
        if own is not None:
            yield GaugeMetricFamily(
                "mnet_peer_own_key_expires_timestamp_seconds", "When our key ends.", value=own
            )
        for name, what, label, values in (
            (
                "mnet_peer_inbox_events",
                "Events that could not be applied, by status.",
                "status",
                self.readings.inbox,
            ),
            (
                "mnet_peer_key_expires_timestamp_seconds",
                "When a peer's key ends.",
                "peer",
                self.readings.peer_key_expires_unix_s,
            ),
            (
                "mnet_peer_last_contact_timestamp_seconds",
                "When a peer last called or answered properly.",
                "peer",
                self.readings.peer_last_contact_unix_s,
            ),
        ):
            family = GaugeMetricFamily(name, what, labels=[label])
            for of, value in values.items():
                family.add_metric([of], value)
            yield family

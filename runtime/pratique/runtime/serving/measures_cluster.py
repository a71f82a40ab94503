"""What is told of work in a cluster as metrics: leading, scanning, reports, events, watches, policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from pratique.runtime.kubernetes.events import EventRecorder
from pratique.runtime.kubernetes.lease import Leadership
from pratique.runtime.metrics import OTHER, Labels, Metrics
from pratique.runtime.serving.leading import Leader
from pratique.runtime.serving.live_policies import LivePolicies

MAX_RESULTS: Final = 5_000
"""Combinations of policy, rule and result of the scan that are told apart."""


class Watched(Protocol):
    """A copy of objects of the cluster."""

    @property
    def age(self) -> float:
        """Return the seconds since the cluster was last heard of them."""
        ...

    @property
    def faults(self) -> int:
        """Return how often the cluster could not be asked, or ended a watch with an error."""
        ...


def measure_leader(metrics: Metrics, lease: Leadership, leader: Leader) -> None:
    """Tell whether this replica leads, and how far its scan is."""
    metrics.gauge(
        "pratique_leader", "1 where this replica writes to the cluster.", lambda: float(lease.leading)
    )
    metrics.gauge("pratique_scan_resources", "Resources that are scanned.", lambda: leader.scan_resources)
    metrics.gauge(
        "pratique_scan_resources_pending", "Of them, those still to be judged.", lambda: leader.scan_waiting
    )
    metrics.total(
        "pratique_scan_resources_judged_total", "Resources judged by the scan.", lambda: leader.scan_judged
    )
    metrics.gauge(
        "pratique_scan_results",
        "Resources that have a result now.",
        lambda: _bounded(leader.scan_results),
        ("policy", "rule", "result"),
    )
    metrics.gauge("pratique_reports_pending", "Reports to be written.", lambda: leader.reports_waiting)
    metrics.total("pratique_reports_written_total", "Reports written.", lambda: leader.reports_written)


def _bounded(results: Mapping[tuple[str, str, str], int]) -> Mapping[Labels, float]:
    """Return the most frequent results by name, and all others together."""
    ordered = sorted(results.items(), key=lambda item: (-item[1], item[0]))
    found: dict[Labels, float] = {}
    for labels, number in ordered[:MAX_RESULTS]:
        found[labels] = number
    if others := ordered[MAX_RESULTS:]:
        found[OTHER, OTHER, OTHER] = sum(number for _, number in others)
    return found


def measure_events(metrics: Metrics, events: EventRecorder) -> None:
    """Tell of events that were written and dropped."""
    metrics.total("pratique_events_written_total", "Events written.", lambda: events.written)
    metrics.total("pratique_events_dropped_total", "Events that were not.", lambda: events.dropped)


def measure_policies(metrics: Metrics, policies: LivePolicies) -> None:
    """Tell of policies that are not in force as they are, and how long changes take."""
    metrics.gauge("pratique_policies_refused", "Policies not in force as they are.", lambda: policies.refused)
    metrics.gauge(
        "pratique_policy_change_lag_seconds",
        "Time that the last change of policies took to be in force.",
        lambda: policies.lag,
    )


def measure_watches(metrics: Metrics, watched: Mapping[str, Watched]) -> None:
    """Tell how old is what is known of the cluster."""
    metrics.gauge(
        "pratique_watch_silence_seconds",
        "Time since the cluster was last heard of these objects.",
        lambda: {(name,): each.age for name, each in watched.items()},
        ("watch",),
    )
    metrics.total(
        "pratique_watch_faults_total",
        "Times that the cluster could not be asked for them, or broke off.",
        lambda: {(name,): each.faults for name, each in watched.items()},
        ("watch",),
    )

"""Timing whole processes and small operations, the same way in every benchmark."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """Median wall seconds, CPU seconds and largest resident megabytes of some runs of a command."""

    wall_s: float
    cpu_s: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s wall, {self.cpu_s:.2f} s CPU, {self.peak_mb:.0f} MB"


def process(command: Sequence[str], *, runs: int = 5) -> Process:
    """Return the figures of `command`, which may have findings; a first run that warms caches is left out."""
    walls, cpus, peaks = [], [], []
    for number in range(runs + 1):
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode > 1:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
        if number:
            walls.append(time.perf_counter() - start)
            cpus.append(usage.ru_utime + usage.ru_stime)
            peaks.append(usage.ru_maxrss / 1024)
    return Process(statistics.median(walls), statistics.median(cpus), max(peaks))


def per_call(operation: Callable[[], object], *, seconds: float = 0.5, repeats: int = 5) -> float:
    """Return the best mean seconds of one call over `repeats` rounds; garbage collection is off."""
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds / repeats:
        operation()
        calls += 1
    best = float("inf")
    gc.disable()
    try:
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(calls):
                operation()
            best = min(best, (time.perf_counter() - start) / calls)
    finally:
        gc.enable()
    return best


PRATIQUE = (str(Path(sys.executable).with_name("pratique")),)

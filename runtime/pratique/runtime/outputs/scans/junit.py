"""JUnit XML of a scan, see `outputs.junit`. The rows are gone through once for each policy that has some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from pratique.runtime.decision import Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.junit import NAME, add_case
from pratique.runtime.outputs.scans.scanned import Scanned
from pratique.runtime.outputs.text import visible


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the report as XML."""
    counts: dict[str, Counter[Status]] = {}
    for row in scanned.rows():
        counts.setdefault(row.result.policy, Counter())[row.status] += 1
    yield "<?xml version='1.0' encoding='us-ascii'?>\n"
    yield _opening("testsuites", {"name": NAME, **_numbers(scanned.summary)})
    for policy, found in counts.items():
        attributes = {"name": visible(policy), **_numbers(found)}
        if options.now is not None:
            when = datetime.fromtimestamp(options.now, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            attributes["timestamp"] = when
        yield _opening("testsuite", attributes)
        for row in scanned.rows():
            if row.result.policy == policy:
                suite = ET.Element("testsuite")
                add_case(suite, row)
                ET.indent(suite)
                yield f"{_text(suite[0]).rstrip()}\n"
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _opening(tag: str, attributes: Mapping[str, str]) -> str:
    return _text(ET.Element(tag, dict(attributes))).removesuffix(" />") + ">\n"


def _text(element: ET.Element) -> str:
    data: bytes = ET.tostring(element, encoding="us-ascii")
    return data.decode("ascii").removeprefix("<?xml version='1.0' encoding='us-ascii'?>\n")


def _numbers(counts: Mapping[Status, int]) -> dict[str, str]:
    return {
        "tests": str(sum(counts.values())),
        "failures": str(counts[Status.FAIL]),
        "errors": str(counts[Status.ERROR]),
        "skipped": str(counts[Status.SKIP]),
    }

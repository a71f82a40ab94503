"""The page of a running server and its data, made when they are asked for, and seldom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from pratique.compiler.digest import digest
from pratique.compiler.explain.explanation import explain
from pratique.compiler.plan import Plan
from pratique.runtime.explaining import ExplainReport
from pratique.runtime.outputs.text import plural
from pratique.runtime.outputs.verdicts.page import Page, page
from pratique.runtime.outputs.verdicts.state import state
from pratique.runtime.outputs.view import tally
from pratique.runtime.policy_files import PolicyFiles
from pratique.runtime.showing.latest import LatestVerdicts

SECONDS: Final = 2.0
"""For which a page is shown again as it is: whoever reloads without end costs no more than others."""
MAX_DRAWN: Final = 1_000
"""Questions of a plan that is drawn; a larger one is told of in a line."""


class LivePage:
    """What a server shows of itself.

    Work is done in a thread, one piece at a time: requests are answered meanwhile.

    Args:
        latest: the verdicts.
        plan: returns what is in force.
    """

    def __init__(self, latest: LatestVerdicts, plan: Callable[[], Plan]) -> None:
        self._latest = latest
        self._plan = plan
        self._since = int(time.time())
        self._lock = asyncio.Lock()
        self._explained: tuple[Plan, ExplainReport] | None = None
        self._made: tuple[float, tuple[int, Plan], dict[str, Any], Page] | None = None

    async def page(self) -> Page:
        """Return the page."""
        _, found = await self._current()
        return found

    async def state(self) -> dict[str, Any]:
        """Return the data of the page."""
        found, _ = await self._current()
        return found

    async def _current(self) -> tuple[dict[str, Any], Page]:
        async with self._lock:
            plan = self._plan()
            version = (self._latest.changes, plan)
            if self._made is None or not self._is_fresh(version):
                in_force = ((policy.kind, policy.key) for policy in plan.policies.policies)
                verdicts = self._latest.verdicts(in_force)

                def make() -> tuple[dict[str, Any], Page]:
                    report = self._explain(plan)
                    data = state(
                        verdicts,
                        summary=tally([verdict.row for verdict in verdicts]),
                        now=int(time.time()),
                        plan=report.explanation,
                        notices=list(self._notices(report)),
                    )
                    drawn = report if len(report.explanation.questions) <= MAX_DRAWN else None
                    return data, page(data, drawn, live=True)

                self._made = (time.monotonic(), version, *await asyncio.to_thread(make))
            _, _, data, made = self._made
            return data, made

    def _is_fresh(self, version: tuple[int, Plan]) -> bool:
        assert self._made is not None  # noqa: S101 (asked by the caller)
        made_at, made_of, _, _ = self._made
        same_plan = made_of[1] is version[1]
        return same_plan and (made_of[0] == version[0] or time.monotonic() - made_at < SECONDS)

    def _explain(self, plan: Plan) -> ExplainReport:
        if self._explained is None or self._explained[0] is not plan:
            files = PolicyFiles(
                documents=(), policies=plan.policies, mistakes=(), notices=(), others=(), order={}
            )
            report = ExplainReport(explanation=explain(plan), files=files, digest=digest(plan.policies, ()))
            self._explained = plan, report
        return self._explained[1]

    def _notices(self, report: ExplainReport) -> Iterator[str]:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._since))
        yield (
            f"what this replica has judged since {since}: the newest verdict on each resource by the policies"
            " in force; resources that are gone stay until others take their place"
        )
        yield "what exists is scanned by one replica alone, whose reports in the cluster are complete"
        if self._latest.forgotten:
            yield f"{plural(self._latest.forgotten, 'older verdict')} had to go for newer ones"
        if len(report.explanation.questions) > MAX_DRAWN:
            number = plural(len(report.explanation.questions), "question")
            yield f"the plan has {number} and is not drawn; `pratique explain` prints it"

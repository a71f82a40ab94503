"""From files to verdicts: finds out what each document is, and says with its place what is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.limits import RESOURCE_LIMITS
from pratique.grammar.nodes import show_path
from pratique.grammar.source import Location, Source, Span
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.decision import Report, Requests, RootLine
from pratique.runtime.inputs import ResourceDocument, load_resources, read_inputs
from pratique.runtime.outputs.json_format import API_VERSION, KIND
from pratique.runtime.outputs.scans.json_form import KIND as SCAN
from pratique.runtime.outputs.view import Verdict, View
from pratique.runtime.stored.policy_reports import KINDS, PolicyReport
from pratique.runtime.stored.results import StoredResults

CODE: Final = "bad-report"
MAX_MISTAKES: Final = 3
"""That are told of one document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was read: the verdicts one by one, and as one report."""

    verdicts: tuple[Verdict, ...]
    view: View

    @property
    def newest(self) -> int | None:
        """Return when the last verdict was given, in seconds since the epoch; None for unknown."""
        return max((verdict.at for verdict in self.verdicts if verdict.at is not None), default=None)


def read_stored(paths: Sequence[str], stdin: Callable[[], bytes] | None = None) -> Stored:
    """Return the verdicts of files, folders, globs and standard input (see `read_inputs`) as one.

    Raises:
        PolicyErrors: all that cannot be read, or is no report.
        UsageError: there is no report at all.
    """
    inputs = read_inputs(paths, stdin)
    documents, errors = load_resources(inputs.sources)
    sources = {source.name: source for source in inputs.sources}
    found, wrong = _each(documents, lambda document: sources[document.source_name])
    mistakes = [*inputs.errors, *errors, *wrong]
    if mistakes:
        raise PolicyErrors(mistakes)
    if not found:
        raise UsageError(f"no results and no reports in {', '.join(paths)}")
    return joined(found, inputs.notices)


def joined(parts: Iterable[tuple[Report, Sequence[Verdict]]], notices: Sequence[str] = ()) -> Stored:
    """Return several reports as one; numbers are added up, as if nobody had looked at anything twice."""
    reports: list[Report] = []
    verdicts: list[Verdict] = []
    for report, found in parts:
        reports.append(report)
        verdicts += found
    roots: dict[tuple[str, str], RootLine] = {}
    for report in reports:
        roots.update({(root.name, root.version): root for root in report.roots})

    def total(name: str) -> int:
        return sum(getattr(report, name) for report in reports)

    requests = {
        name: sum(getattr(report.requests, name) for report in reports)
        for name in ("manifests", "blobs", "referrers", "tokens", "bytes")
    }
    rows = tuple(verdict.row for verdict in verdicts)
    whole = Report(
        results=tuple(row.result for row in rows),
        policies=total("policies"),
        rules=total("rules"),
        resources=total("resources"),
        images=total("images"),
        requests=Requests(**requests),
        verifications=total("verifications"),
        notices=tuple(dict.fromkeys([*notices, *(text for report in reports for text in report.notices)])),
        roots=tuple(roots.values()),
    )
    return Stored(verdicts=tuple(verdicts), view=View(whole, rows=rows))


def verdicts_of(data: dict[str, Any]) -> tuple[Report, list[Verdict]] | None:
    """Return what a document holds; None if it is neither results of pratique nor a policy report.

    Raises:
        ValidationError: it is one of these, and not well formed.
    """
    group, kind = data["apiVersion"].partition("/")[0], data["kind"]
    if data["apiVersion"] == API_VERSION and kind in (KIND, SCAN):
        results = StoredResults.model_validate(data)
        verdicts = [Verdict(row, at) for row, at in results.timed_rows()]
        return results.report([verdict.row for verdict in verdicts]), verdicts
    if kind in KINDS.get(group, ()):
        report = PolicyReport.model_validate(data)
        found = [Verdict(row, at, origin, foreign=True) for row, at, origin in report.timed_rows()]
        return _counted(found), found
    return None


def _counted(verdicts: Sequence[Verdict]) -> Report:
    results = tuple(verdict.row.result for verdict in verdicts)
    return Report(
        results=results,
        policies=len({result.policy for result in results}),
        rules=len({(result.policy, result.rule) for result in results}),
        resources=len({result.resource for result in results}),
    )


def _each(
    documents: Iterable[ResourceDocument], source_of: Callable[[ResourceDocument], Source]
) -> tuple[list[tuple[Report, list[Verdict]]], list[PolicyError]]:
    found: list[tuple[Report, list[Verdict]]] = []
    errors: list[PolicyError] = []
    for document in documents:
        try:
            held = verdicts_of(document.data)
        except ValidationError as error:
            errors += _mistakes(error, document, source_of(document))
            continue
        if held is None:
            what = f"{document.data['apiVersion']} {document.data['kind']}"
            text = f"{what} is neither a result of `pratique apply` or `scan` (`-o json`) nor a policy report"
            errors.append(PolicyError(CODE, text, Location(source_of(document), Span.at(document.line, 1))))
        else:
            found.append(held)
    return found, errors


def _mistakes(error: ValidationError, document: ResourceDocument, source: Source) -> Iterator[PolicyError]:
    """Yield the first mistakes of a document at their places; of an item of a list, where it begins."""
    read = read_documents(source, RESOURCE_LIMITS).documents
    whole = next((each for each in read if each.root.span.start.line == document.line), None)
    for mistake in error.errors(include_url=False, include_input=False)[:MAX_MISTAKES]:
        path = tuple(mistake["loc"])
        place = whole.location(path) if whole else Location(source, Span.at(document.line, 1))
        yield PolicyError(CODE, f"`{show_path(path)}`: {mistake['msg']}", place)

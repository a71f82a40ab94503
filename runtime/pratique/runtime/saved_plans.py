"""Reads saved plans: the policies that were explained, or an error that says why they are not these.

A plan is a stranger's file. Nothing in it is believed: its policies are read, checked and compiled again (in
milliseconds), and everything that the file says of them must be what this very program says. So whoever
applies a plan enforces what its reader saw, and a forged one is refused whatever was forged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pratique.compiler import ir
from pratique.compiler.digest import canonical, digest
from pratique.compiler.plan import Plan
from pratique.grammar import __version__
from pratique.grammar.errors import UsageError
from pratique.grammar.limits import MIB, show_size
from pratique.grammar.source import Source
from pratique.runtime.inputs import Inputs
from pratique.runtime.outputs.plans.saved import FORMAT, KIND, document
from pratique.runtime.outputs.text import plural, visible
from pratique.runtime.policy_files import PolicyFiles, policies_of
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_BYTES: Final = 128 * MIB
"""Of a plan: all policies of a large cluster, and what there is to say of them."""
MAX_SOURCES: Final = 10_000
MAX_NAMED: Final = 3
"""Rules that an error names before it counts the others."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Source(_Part):
    name: str = Field(min_length=1, max_length=4096)
    text: str


class _Saved(_Part):
    api_version: Literal["pratique.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Plan"]
    format: int
    made_by: str = Field(alias="madeBy", max_length=200)
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    exceptions: bool
    sources: list[_Source] = Field(max_length=MAX_SOURCES)
    plan: dict[str, Any]


def read_plan(path: Path) -> PolicyFiles:
    """Return the policies of a saved plan; raises as `parse_plan`, and if the file cannot be read."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(path, f"it cannot be read: {error.strerror or error}") from error
    return parse_plan(body, path)


def parse_plan(body: bytes, path: Path) -> PolicyFiles:
    """Return the policies of a saved plan; `path` is what errors call it.

    Raises:
        UsageError: it is no plan, was made by another version, or does not say of its policies what there is
            to say of them.
    """
    data, saved = _read(body, path)
    sources = tuple(Source(each.name, each.text) for each in saved.sources)
    files = policies_of(Inputs(sources=sources), exceptions=True)
    if files.mistakes:
        first, more = files.mistakes[0], len(files.mistakes) - 1
        others = f", and {plural(more, 'further mistake')}" if more else ""
        raise _refused(path, f"its policies cannot be used: {first}{others}")
    if files.is_empty:
        raise _refused(path, "there is no policy in it")
    if not saved.exceptions:
        files = files.without_exceptions(f"in the plan {path}")
    found = digest(files.policies, files.exempting)
    if found != saved.digest:
        raise _refused(
            path, f"it is said to be of {saved.digest}, and its policies are {found}: it was changed"
        )
    if document(Plan(files.policies), found, files.sources, bool(files.exempting)) != data:
        raise _refused(path, "it does not say of its policies what there is to say of them: it was changed")
    return files


def check_fit(path: Path, planned: PolicyFiles, given: PolicyFiles) -> None:
    """Check that the policies of a plan, and exceptions that count, are those that were given beside it.

    Raises:
        UsageError: they are not; it names the rules that differ.
    """
    before, after = (digest(files.policies, files.exempting) for files in (planned, given))
    if before == after:
        return
    differing = list(_differing(planned.policies, given.policies))
    named = ", ".join(differing[:MAX_NAMED])
    more = f" and {len(differing) - MAX_NAMED} more" if len(differing) > MAX_NAMED else ""
    what = f"{named}{more}" if differing else "their order, settings or exceptions"
    raise _refused(
        path,
        f"it does not fit the policies that were given: it is of {before}, they are {after};"
        f" they differ in {what}. Explain and review them again",
    )


def _differing(planned: ir.PolicySet, given: ir.PolicySet) -> Iterator[str]:
    """Yield the rules that one side alone has, and those that are not alike."""
    before, after = _rules(planned), _rules(given)
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield f"{name} (in the plan alone)"
        elif name not in before:
            yield f"{name} (not in the plan)"
        elif before[name] != after[name]:
            yield f"{name} (changed)"


def _rules(policies: ir.PolicySet) -> dict[str, Any]:
    return {
        f"{policy.key} {rule.name}".rstrip(): canonical(rule)
        for policy in policies.policies
        for rule in policy.rules
        if not rule.generated_from
    }


def _read(body: bytes, path: Path) -> tuple[Any, _Saved]:
    if len(body) > MAX_BYTES:
        raise _refused(path, f"it has more than {show_size(MAX_BYTES)}")
    try:
        data = parse(body)
    except StrictJsonError as error:
        raise _refused(path, f"it is no plan: {error}") from error
    _check_kind(path, data)
    try:
        saved = _Saved.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(path, f"it is no plan: {place}: {first['msg']}") from error
    if any(not each.name.isprintable() for each in saved.sources):
        raise _refused(path, "it is no plan: the name of a source does not print")
    return data, saved


def _check_kind(path: Path, data: Any) -> None:
    """Check what a reader of another version can still tell."""
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise _refused(path, "it is no plan: `pratique explain --save-plan FILE` makes one")
    if data.get("format") != FORMAT:
        raise _refused(path, f"its format is {data.get('format')!r:.40}, and this program reads {FORMAT}")
    made_by = data.get("madeBy")
    if made_by != f"pratique {__version__}":
        maker = made_by if isinstance(made_by, str) else "nobody"
        raise _refused(
            path,
            f"it was made by {maker:.60}, which may read policies otherwise than this program,"
            f" pratique {__version__}: make it again",
        )


def _refused(path: Path, why: str) -> UsageError:
    return UsageError(f"the plan {path} is refused: {visible(why)}")


def fitting(path: Path, policies: Sequence[str]) -> PolicyFiles:
    """Return the policies of a plan, which must be those that `policies` name, if they name any.

    Raises:
        PolicyErrors: the given policies have mistakes.
        UsageError: as `read_plan` and `check_fit`.
    """
    from pratique.runtime.session import sound

    files = read_plan(path)
    if policies:
        given = sound(policies, exceptions=True)
        check_fit(path, files, given if files.exempting else given.without_exceptions(f"in the plan {path}"))
    return files

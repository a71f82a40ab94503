"""Fields and forms of Kyverno's policies that have a successor, and the edits that write it.

References: Kyverno 1.19 `api/kyverno/v1`, comments `Deprecated`, and its conversion of the old form of
`verifyImages` (`ImageVerification.Convert`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.lint.moves import STEP, Edits, Moves, Route
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.conditions import DEPRECATED_OPERATORS
from pratique.grammar.documents.kyverno import ImageVerification, MatchResources, Rule, Spec

_WITHOUT_EFFECT: Final = {
    "schemaValidation": "schema_validation",
    "mutateExistingOnPolicyUpdate": "mutate_existing_on_policy_update",
    "generateExisting": "generate_existing",
}
"""Settings of policies that no image rule reads: name -> name in the model."""

_DIRECT: Final = ("resources", "roles", "clusterRoles", "subjects")
_KEYLESS: Final = ("issuer", "subject", "roots", "additionalExtensions")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Something old in a policy.

    Attributes:
        route: where it stands.
        successor: what to write instead, as the end of a sentence; empty where it is only to be removed.
        since: path of the successor in the names of the schema, which tells what release brought it.
        edits: that write it so that the policy means the same; a None among them where that is not possible.
        loss: what is lost with the old form already, as a sentence; empty for nothing.
    """

    route: Route
    successor: str
    since: tuple[str, ...] = ()
    edits: Edits = (None,)
    loss: str = ""


def deprecations(document: PolicyDocument) -> Iterator[Deprecation]:
    """Yield what is old in a policy, in no order."""
    moves = Moves(document)
    spec = document.model.spec
    yield from _action(document, spec, moves)
    yield from _webhook(spec, moves)
    yield from _of_other_rules(spec, moves)
    for number, rule in enumerate(spec.rules):
        route: Route = ("spec", "rules", number)
        for name, block in (("match", rule.match), ("exclude", rule.exclude)):
            if block:
                yield from _selection(document, block, (*route, name), moves)
        yield from _preconditions(rule, (*route, "preconditions"), moves)
        for index, entry in enumerate(rule.verify_images):
            yield from _entry(document, entry, (*route, "verifyImages", index), moves)


# --- the policy as a whole -----------------------------------------------------------------------------


def _action(document: PolicyDocument, spec: Spec, moves: Moves) -> Iterator[Deprecation]:
    overrides = spec.validation_failure_action_overrides
    if overrides:
        yield Deprecation(
            ("spec", "validationFailureActionOverrides"),
            "write a rule for each action, with the namespaces in `match`",
        )
    name = "validationFailureAction"
    if document.node("spec", name) is None:
        return
    action = spec.validation_failure_action.capitalize()
    edits: Edits = (moves.removed(("spec", name)),)
    if action == "Enforce":
        for number, rule in enumerate(spec.rules):
            edits += _action_of(rule, ("spec", "rules", number), moves)
    yield Deprecation(
        ("spec", name),
        f"write `failureAction: {action}` in each entry of `verifyImages`, and under each `validate`",
        since=("spec", "rules", "verifyImages", "failureAction"),
        edits=(None,) if overrides else edits,
    )


def _action_of(rule: Rule, route: Route, moves: Moves) -> Edits:
    """Return the edits that let a rule enforce by itself; one that names an action anywhere does already."""
    enforce = [("failureAction", "Enforce")]
    if rule.validation:
        named = "failure_action" in rule.validation.model_fields_set
        return () if named else (moves.added((*route, "validate"), enforce),)
    if any(entry.failure_action for entry in rule.verify_images):
        return ()
    entries = range(len(rule.verify_images))
    return tuple(moves.added((*route, "verifyImages", index), enforce) for index in entries)


def _webhook(spec: Spec, moves: Moves) -> Iterator[Deprecation]:
    """Both settings move together, so that they end up in one block."""
    written = [
        (old, new)
        for old, new, value in (
            ("failurePolicy", "failurePolicy", spec.failure_policy),
            ("webhookTimeoutSeconds", "timeoutSeconds", spec.webhook_timeout_seconds),
        )
        if value is not None
    ]
    settings = [(new, moves.text(("spec", old))) for old, new in written]
    routes: list[Route] = [("spec", old) for old, _ in written]
    if spec.webhook_configuration:
        edits: Edits = (
            moves.added(("spec", "webhookConfiguration"), settings),
            *(moves.removed(route) for route in routes),
        )
    elif routes:
        first = moves.replaced(routes[0], "webhookConfiguration", settings)
        edits = (first, *(moves.removed(route) for route in routes[1:]))
    for old, new in written:
        since = ("spec", "webhookConfiguration", new)
        yield Deprecation(("spec", old), f"write `webhookConfiguration.{new}`", since=since, edits=edits)


def _of_other_rules(spec: Spec, moves: Moves) -> Iterator[Deprecation]:
    others = any(rule.mutate or rule.generate for rule in spec.rules)
    for name, field in _WITHOUT_EFFECT.items():
        if field in spec.model_fields_set:
            idle = name == "schemaValidation" or not others
            yield Deprecation(
                ("spec", name),
                "" if idle else f"write `{name}` in the rules that it is about",
                edits=(moves.removed(("spec", name)),) if idle else (None,),
            )


# --- rules ---------------------------------------------------------------------------------------------


def _selection(
    document: PolicyDocument, block: MatchResources, route: Route, moves: Moves
) -> Iterator[Deprecation]:
    parts: list[Route] = [
        (*route, form, i) for form in ("any", "all") for i in range(len(getattr(block, form)))
    ]
    if not parts:
        parts = [route]
        if direct := [name for name in _DIRECT if document.node(*route, name)]:
            advice = "write the filter as an item of `any`"
            yield Deprecation((*route, direct[0]), advice, edits=moves.as_item(route, "any"))
    for part in parts:
        place: Route = (*part, "resources", "name")
        if document.node(*place):
            yield Deprecation(place, "write `names` with one item", edits=moves.listed(place, "names"))


def _preconditions(rule: Rule, route: Route, moves: Moves) -> Iterator[Deprecation]:
    written = rule.preconditions
    if isinstance(written, list):
        yield Deprecation(route, "write the list under `all`", edits=moves.as_setting(route, "all"))
        blocks: list[tuple[Route, Any]] = [((), written)]
    elif isinstance(written, dict):
        blocks = [((form,), written.get(form)) for form in ("any", "all")]
    else:
        return
    for form, conditions in blocks:
        for number, condition in enumerate(conditions if isinstance(conditions, list) else ()):
            operator = condition.get("operator") if isinstance(condition, dict) else None
            if operator in DEPRECATED_OPERATORS:
                advice = f"write `Any{operator}` or `All{operator}`"
                yield Deprecation((*route, *form, number, "operator"), advice)


# --- verifyImages --------------------------------------------------------------------------------------


def _entry(
    document: PolicyDocument, entry: ImageVerification, route: Route, moves: Moves
) -> Iterator[Deprecation]:
    if entry.image:
        alone = not entry.image_references
        edits = moves.listed((*route, "image"), "imageReferences") if alone else (None,)
        yield Deprecation((*route, "image"), "write `imageReferences`", edits=edits)
    for number, attestation in enumerate(entry.attestations):
        if attestation.predicate_type:
            place: Route = (*route, "attestations", number, "predicateType")
            edit = moves.removed(place) if attestation.type else moves.renamed(place, "type")
            since = ("spec", "rules", "verifyImages", "attestations", "type")
            yield Deprecation(place, "write `type`", since=since, edits=(edit,))
    old = [name for name in ("key", *_KEYLESS, "annotations") if document.node(*route, name)]
    if old:
        yield _signer(entry, old, route, moves)


def _signer(entry: ImageVerification, old: list[str], route: Route, moves: Moves) -> Deprecation:
    place: Route = (*route, old[0])
    if (entry.key or entry.issuer) and entry.attestations:
        return Deprecation(
            place,
            "write it under the `attestors` of each attestation, or of the entry",
            loss=f"`{old[0]}` beside `attestations` counts for nothing: neither the image nor a statement"
            " must be signed so",
        )
    if old == ["annotations"]:
        return Deprecation(place, "write `annotations` in each entry of `attestors`")
    kind = "keys" if entry.key else "keyless"
    used = {"key": "publicKeys"} if entry.key else {name: name for name in _KEYLESS}
    inner = [((*route, name), used[name], 3 * STEP) for name in old if name in used]
    outer = [((*route, name), name, 2 * STEP) for name in old if name == "annotations"]
    head = ("attestors:", "- entries:", f"{' ' * STEP}- {kind}:")
    idle = [(*route, name) for name in old if name not in used and name != "annotations"]
    possible = not (entry.attestors or entry.attestations or idle)
    edits = moves.gathered(head, [*inner, *outer]) if possible else (None,)
    return Deprecation(place, f"write `{kind}` under `attestors`", edits=edits)

"""Documents of policies in CEL to the IR.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1`; Kubernetes 1.36 `api/admissionregistration/v1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pratique.compiler import ir
from pratique.compiler.bodies import CelExpression, CelParameters, NamedExpression
from pratique.compiler.cel_bodies import (
    Binding,
    CelBody,
    CelDeletion,
    CelGeneration,
    CelImageValidation,
    CelMutation,
    CelPatch,
    CelTargets,
    CelTemplate,
    CelValidation,
    Constraints,
    Dialect,
    PatchKind,
    ResourceRule,
    Scope,
)
from pratique.compiler.cel_policies.autogen import derived
from pratique.compiler.cel_policies.lower_images import ImageLowering
from pratique.compiler.cel_policies.regions import region
from pratique.compiler.kyverno.obligations import registry_credentials
from pratique.compiler.kyverno.regions import label_selector
from pratique.grammar.documents import BindingDocument, CelDocument

if TYPE_CHECKING:
    from pratique.grammar.documents import match_constraints as models
    from pratique.grammar.documents.admission_policies import BindingSpec

Route: TypeAlias = tuple[str | int, ...]
_N = TypeVar("_N")


@dataclass(slots=True)
class LoweredCel:
    """A policy in CEL, and where the parts of its body stand.

    Attributes:
        routes: from the id of a node to the path of its text, or of the part that holds several.
    """

    document: CelDocument
    policy: ir.Policy
    routes: dict[int, Route] = field(default_factory=dict)


def lower_cel(document: CelDocument, bindings: Sequence[BindingDocument] = ()) -> LoweredCel:
    """Return the IR of a policy; whether its expressions compile is another matter, see `checks`.

    Args:
        document: the policy.
        bindings: all bindings; those of other policies are left alone.
    """
    return _Lowering(document, bindings).lowered()


class _Lowering:
    def __init__(self, document: CelDocument, bindings: Sequence[BindingDocument]) -> None:
        self._document = document
        self._model: Any = document.model
        self._spec: Any = document.model.spec
        self._bindings = bindings
        self._routes: dict[int, Route] = {}

    def lowered(self) -> LoweredCel:
        model = self._model
        body = self._body()
        fails_open = getattr(self._spec, "failure_policy", None) == "Ignore"
        evaluation = getattr(self._spec, "evaluation", None)
        background = getattr(evaluation, "background", None)
        admission = getattr(evaluation, "admission", None)
        webhook = getattr(self._spec, "webhook_configuration", None)
        bodies: list[CelBody] = [body]
        autogen = getattr(self._spec, "autogen", None)
        if self._is_kyverno and isinstance(body, CelValidation | CelImageValidation | CelMutation):
            pods = autogen.pod_controllers if autogen else None
            bodies += derived(body, pods.controllers if pods else None)
        at = ir.At(location=self._document.location("metadata", "name"))
        policy = ir.Policy(
            kind=model.kind,
            name=model.metadata.name,
            namespace=body.scope.namespace or None,
            rules=tuple(
                ir.Rule(
                    name=model.metadata.name if isinstance(body, CelImageValidation) else "",
                    resources=region(each.scope),
                    body=each,
                    action=self._action(),
                    generated_from="" if each is body else model.metadata.name,
                    at=at,
                )
                for each in bodies
            ),
            fail_open=fails_open,
            background=background is None or background.enabled,
            admission=admission is None or admission.enabled,
            webhook_seconds=webhook.timeout_seconds if webhook else None,
            emit_warning="Warn" in (getattr(self._spec, "validation_actions", None) or ()),
            annotations=tuple(sorted(model.metadata.annotations.items())),
            at=at,
        )
        return LoweredCel(self._document, policy, self._routes)

    @property
    def _is_kyverno(self) -> bool:
        return not self._document.api_version.startswith("admissionregistration.k8s.io/")

    def _action(self) -> ir.Action:
        """Return what a failure does: it refuses, unless no action says so."""
        actions = getattr(self._spec, "validation_actions", None)
        if not self._is_kyverno and self._scope_bindings() is not None:
            actions = tuple(action for each in self._scope_bindings() or () for action in each.actions)
        return ir.Action.ENFORCE if not actions or "Deny" in actions else ir.Action.AUDIT

    # --- bodies ----------------------------------------------------------------------------------------

    def _body(self) -> CelBody:
        spec = self._spec
        match self._model.kind.removeprefix("Namespaced"):
            case "ValidatingPolicy" | "ValidatingAdmissionPolicy":
                return CelValidation(scope=self._scope(), validations=self._validations(spec.validations))
            case "ImageValidatingPolicy":
                return self._images()
            case "MutatingPolicy" | "MutatingAdmissionPolicy":
                return self._mutation()
            case "GeneratingPolicy":
                return self._generation()
            case "DeletingPolicy":
                return CelDeletion(
                    scope=self._scope("conditions"),
                    schedule=spec.schedule,
                    propagation=spec.deletion_propagation_policy or "",
                )
            case kind:
                raise AssertionError(kind)

    def _images(self) -> CelImageValidation:
        spec, settings = self._spec, self._spec.validation_configurations

        def put(expression: str, *route: str | int) -> NamedExpression:
            return self._put(NamedExpression(name="", expression=expression), "spec", *route)

        images = ImageLowering(put, lambda *route: ir.At(location=self._document.location("spec", *route)))
        return CelImageValidation(
            scope=self._scope(),
            validations=self._validations(spec.validations),
            references=tuple(images.references(spec.match_image_references)),
            extractors=self._named(spec.images, "spec", "images"),
            attestors=tuple(images.attestors(spec.attestors)),
            statements=tuple(images.statements(spec.attestations)),
            pin_digest=settings.mutate_digest,
            demand_digest=settings.verify_digest,
            demand_proof=settings.required,
            credentials=registry_credentials(spec.credentials),
        )

    def _mutation(self) -> CelMutation:
        spec = self._spec
        evaluation = getattr(spec, "evaluation", None)
        targets = None
        written = getattr(spec, "target_match_constraints", None)
        existing = bool(evaluation and evaluation.mutate_existing and evaluation.mutate_existing.enabled)
        if existing or (written and (written.resource_rules or written.expression)):
            route: Route = ("spec", "targetMatchConstraints")
            expression = None
            if written and written.expression:
                expression = NamedExpression(name="targets", expression=written.expression)
                self._put(expression, *route, "expression")
            targets = CelTargets(
                constraints=self._constraints(written, route) if written and written.resource_rules else None,
                expression=expression,
                conditions=self._named(spec.target_match_conditions, "spec", "targetMatchConditions"),
                enabled=existing,
            )
        patches = (self._patch(each, number) for number, each in enumerate(spec.mutations))
        return CelMutation(
            scope=self._scope(),
            patches=tuple(each for each in patches if each),
            targets=targets,
            atomic=bool(evaluation and evaluation.use_server_side_apply),
        )

    def _patch(self, written: Any, number: int) -> CelPatch | None:
        kind = PatchKind(written.patch_type)
        holder = written.json_patch if kind is PatchKind.JSON else written.apply_configuration
        if holder is None:
            return None
        patch = CelPatch(kind=kind, expression=holder.expression)
        name = "jsonPatch" if kind is PatchKind.JSON else "applyConfiguration"
        return self._put(patch, "spec", "mutations", number, name, "expression")

    def _generation(self) -> CelGeneration:
        makes: list[NamedExpression | CelTemplate] = []
        for number, written in enumerate(self._spec.generate):
            if written.template:
                made = CelTemplate(
                    text=written.template.value, interpolated=written.template.interpolate == "cel"
                )
                makes.append(self._put(made, "spec", "generate", number, "template", "value"))
            else:
                expression = NamedExpression(name=str(number), expression=written.expression)
                makes.append(self._put(expression, "spec", "generate", number, "expression"))
        evaluation = self._spec.evaluation
        synchronize = evaluation.synchronize if evaluation else None
        orphan = evaluation.orphan_downstream_on_policy_delete if evaluation else None
        return CelGeneration(
            scope=self._scope(),
            makes=tuple(makes),
            synchronize=bool(synchronize and synchronize.enabled),
            orphan=bool(orphan and orphan.enabled),
        )

    # --- parts -----------------------------------------------------------------------------------------

    def _scope(self, conditions: str = "matchConditions") -> Scope:
        spec, model = self._spec, self._model
        is_namespaced = model.kind.startswith("Namespaced")
        evaluation = getattr(spec, "evaluation", None)
        name = "conditions" if conditions == "conditions" else "match_conditions"
        return Scope(
            dialect=Dialect.KYVERNO if self._is_kyverno else Dialect.KUBERNETES,
            namespace=(model.metadata.namespace or "default") if is_namespaced else "",
            constraints=self._constraints(spec.match_constraints, ("spec", "matchConstraints")),
            conditions=self._named(getattr(spec, name), "spec", conditions),
            variables=self._named(spec.variables, "spec", "variables"),
            audit_annotations=self._annotations(getattr(spec, "audit_annotations", ())),
            has_parameters=getattr(spec, "param_kind", None) is not None,
            bindings=self._scope_bindings(),
            raw=getattr(evaluation, "mode", None) == "JSON",
            at=ir.At(location=self._document.location("spec")),
        )

    def _named(
        self, written: Sequence[models.NamedCelExpression], *route: str | int
    ) -> tuple[NamedExpression, ...]:
        return tuple(
            self._put(
                NamedExpression(name=each.name, expression=each.expression), *route, number, "expression"
            )
            for number, each in enumerate(written)
        )

    def _annotations(self, written: Sequence[models.CelAuditAnnotation]) -> tuple[NamedExpression, ...]:
        return tuple(
            self._put(
                NamedExpression(name=each.key, expression=each.value_expression),
                *("spec", "auditAnnotations", number, "valueExpression"),
            )
            for number, each in enumerate(written)
        )

    def _validations(self, written: Sequence[models.CelValidation]) -> tuple[CelExpression, ...]:
        return tuple(
            self._put(
                CelExpression(
                    expression=each.expression,
                    message=each.message,
                    message_expression=each.message_expression,
                    reason=each.reason,
                ),
                *("spec", "validations", number),
            )
            for number, each in enumerate(written)
        )

    def _constraints(self, written: models.MatchConstraints | None, route: Route) -> Constraints | None:
        if written is None:
            return None
        return constraints_of(written, ir.At(location=self._document.location(*route)))

    def _scope_bindings(self) -> tuple[Binding, ...] | None:
        """Return the bindings of a policy of Kubernetes; None where nothing binds any policy."""
        if self._is_kyverno:
            return None
        kind = f"{self._model.kind}Binding"
        name = self._model.metadata.name
        found = [
            _binding(each, self._spec)
            for each in self._bindings
            if each.model.kind == kind and each.model.spec.policy_name == name
        ]
        return tuple(found) or None

    def _put(self, node: _N, *route: str | int) -> _N:
        self._routes[id(node)] = route
        return node


def constraints_of(written: models.MatchConstraints, at: ir.At = ir.NOWHERE) -> Constraints:
    """Return the IR of match constraints."""
    return Constraints(
        rules=tuple(map(_rule, written.resource_rules)),
        excluded=tuple(map(_rule, written.exclude_resource_rules)),
        namespace_selector=label_selector(written.namespace_selector),
        object_selector=label_selector(written.object_selector),
        at=at,
    )


def _rule(written: models.ResourceRule) -> ResourceRule:
    return ResourceRule(
        groups=written.api_groups,
        versions=written.api_versions,
        resources=written.resources,
        operations=written.operations,
        names=written.resource_names,
        scope=written.scope,
    )


def _binding(document: BindingDocument, policy: Any) -> Binding:
    spec: BindingSpec = document.model.spec
    parameters = None
    if spec.param_ref:
        parameters = CelParameters(
            api_version=policy.param_kind.api_version if policy.param_kind else "",
            kind=policy.param_kind.kind if policy.param_kind else "",
            name=spec.param_ref.name,
            namespace=spec.param_ref.namespace,
            selector=label_selector(spec.param_ref.selector),
            not_found=spec.param_ref.parameter_not_found_action or "",
        )
    at = ir.At(location=document.location("metadata", "name"))
    return Binding(
        name=document.model.metadata.name,
        constraints=constraints_of(spec.match_resources, at) if spec.match_resources else None,
        parameters=parameters,
        actions=spec.validation_actions,
        at=at,
    )

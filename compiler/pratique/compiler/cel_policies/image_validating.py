"""Policies in CEL about images: ImageValidatingPolicy of Kyverno.

References: Kyverno 1.19 `pkg/image/verification/evaluator` (`compiler.go`, `policy.go`),
`pkg/cel/policies/ivpol/engine/engine.go`, `pkg/cel/compiler/images.go`. Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel.environments import image_environment, reference_environment
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.images import parse_reference
from pratique.compiler.cel.program import Program, World
from pratique.compiler.cel.questions import ImageDataQuestion
from pratique.compiler.cel.types import BOOL, DYN, STRING, list_of
from pratique.compiler.cel.values.access import MISSING, Record
from pratique.compiler.cel_bodies import CelExemption, CelImageValidation
from pratique.compiler.cel_images import ImageTest, NamedAttestor
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, Named, compile_scope
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.cel_policies.exemptions import CompiledExemption, compile_exemptions, exempted
from pratique.compiler.cel_policies.image_globs import GlobSyntaxError, compile_glob
from pratique.compiler.cel_policies.image_run import AttestorValue, ImageRun, VerifiedImages, filled
from pratique.compiler.cel_policies.request import Coordinates
from pratique.compiler.cel_policies.validating import Check, compile_checks, kyverno_checks
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

FAILED: Final = "failed to evaluate policy: "
_LISTS: Final = (list_of(STRING), DYN, list_of(DYN))
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
POD_SPECS: Final = {
    ("", "v1", "pods"): "spec",
    ("apps", "v1", "daemonsets"): "spec.template.spec",
    ("apps", "v1", "deployments"): "spec.template.spec",
    ("apps", "v1", "replicasets"): "spec.template.spec",
    ("apps", "v1", "statefulsets"): "spec.template.spec",
    ("batch", "v1", "jobs"): "spec.template.spec",
    ("batch", "v1", "cronjobs"): "spec.jobTemplate.spec.template.spec",
}
"""Group, version and name of the resources that hold containers -> where."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Images that a policy is about."""

    test: ImageTest
    program: Program | None

    def holds(self, evaluation: Evaluation, image: str) -> bool:
        """Say whether an image is among them.

        Raises:
            EvaluationError: the expression has no value.
        """
        if self.program is not None:
            return self.program.evaluate({"ref": image}, evaluation.run) is True
        return compile_glob(self.test.glob).search(image) is not None


@dataclass(frozen=True, slots=True)
class CompiledAttestor:
    """An attestor with the programs of its fillings."""

    attestor: NamedAttestor
    programs: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class CompiledImages:
    """A policy about images, ready for many requests; immutable."""

    body: CelImageValidation
    scope: CompiledScope
    references: tuple[Reference, ...]
    extractors: tuple[Named, ...]
    attestors: tuple[CompiledAttestor, ...]
    checks: tuple[Check, ...]
    exemptions: tuple[CompiledExemption, ...] = ()
    fails_open: bool = False

    def evaluate(
        self,
        bindings: Mapping[str, Any],
        world: World,
        verified: VerifiedImages,
        resource: Coordinates | None = None,
    ) -> Outcome | None:
        """Return what the policy says of a request that it is about; None where its conditions do not hold.

        A policy that passes is not done: see `proved`.

        Args:
            bindings: values of variables by name.
            world: the clock, random numbers and answers.
            verified: what all policies of the request have learned about images.
            resource: which tells where containers are; None for JSON that is no request.
        """
        evaluation = self._evaluation(bindings, world, verified)
        try:
            return self._lifted(evaluation) or self._judged(evaluation, resource)
        except _Inapplicable:
            return None
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=f"{FAILED}{error.message}")

    def applies(self, bindings: Mapping[str, Any], world: World) -> bool:
        """Say whether conditions hold and nothing is exempted.

        Raises:
            EvaluationError: that cannot be told.
        """
        evaluation = self._evaluation(bindings, world, VerifiedImages())
        try:
            return self._lifted(evaluation) is None
        except _Inapplicable:
            return False

    def is_about(self, image: str, world: World) -> bool:
        """Say whether the policy is about an image.

        Raises:
            EvaluationError: that cannot be told.
        """
        return self._is_about(Evaluation(self.scope, {}, world), image)

    def proved(self, outcome: Outcome, verified: VerifiedImages) -> Outcome:
        """Return what a policy that passes comes to once all policies of the request were evaluated."""
        if outcome.status is not Status.PASS or not self.body.demand_proof:
            return outcome
        problems = filter(None, map(verified.problem, outcome.images))
        message = next(problems, "")
        if not message:
            return outcome
        return Outcome(status=Status.FAIL, message=message, properties=outcome.properties)

    def _evaluation(self, bindings: Mapping[str, Any], world: World, verified: VerifiedImages) -> Evaluation:
        statements = {each.name: each for each in self.body.statements}
        run = ImageRun(
            lambda image: self._is_about(evaluation, image), statements, self.body.credentials, verified
        )
        world = World(now=world.now, random=world.random, ask=world.ask, images=run)
        evaluation = Evaluation(self.scope, bindings, world)
        return evaluation

    def _lifted(self, evaluation: Evaluation) -> Outcome | None:
        """Return what is said of a policy that is exempted; None where it is not."""
        try:
            applies = evaluation.holds(self.scope.conditions)
        except EvaluationError as error:
            if self.fails_open:
                raise _Inapplicable from error
            raise
        if not applies:
            raise _Inapplicable
        by = exempted(evaluation, self.exemptions).by
        if not by:
            return None
        keys = ", ".join(each.key for each in by)
        return Outcome(status=Status.SKIP, message=f"rule is skipped due to policy exception: {keys}")

    def _judged(self, evaluation: Evaluation, resource: Coordinates | None) -> Outcome:
        images = {
            name: [image for image in found if self._is_about(evaluation, image)]
            for name, found in self._extracted(evaluation, resource)
        }
        matched = tuple(image for found in images.values() for image in found)
        if self.body.demand_digest:
            for image in matched:
                if not _has_digest(image):
                    return Outcome(status=Status.FAIL, message=f"image {image} does not have a digest")
        for image in dict.fromkeys(matched):
            self._fetch(evaluation, image)
        evaluation.bind("images", images)
        evaluation.bind("attestations", {each.name: each.name for each in self.body.statements})
        evaluation.bind("attestors", _Attestors(evaluation, self.attestors))
        outcome = kyverno_checks(self.checks, evaluation)
        match outcome.status:
            case Status.ERROR:
                reason = outcome.message.removeprefix("error: ").removeprefix("failed to load context: ")
                return Outcome(status=Status.ERROR, message=f"{FAILED}{reason}")
            case Status.PASS:
                return Outcome(
                    status=Status.PASS,
                    message=outcome.message,
                    properties=outcome.properties,
                    images=matched,
                )
            case _:
                return outcome

    def _extracted(
        self, evaluation: Evaluation, resource: Coordinates | None
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield the lists of images by name; one of the policy takes the place of a usual one."""
        where = POD_SPECS.get((resource.group, resource.version, resource.name)) if resource else None
        usual = {each.name: each.program for each in (_usual(where) if where else ())}
        for name, program in {**usual, **{each.name: each.program for each in self.extractors}}.items():
            found = evaluation.plain(evaluation.value(program))
            if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
                raise EvaluationError("wrong-type", f"images {name} is no list of texts")
            yield name, found

    def _is_about(self, evaluation: Evaluation, image: str) -> bool:
        return not self.references or any(each.holds(evaluation, image) for each in self.references)

    def _fetch(self, evaluation: Evaluation, image: str) -> None:
        """Ask for an image, whatever the expressions do with it."""
        ask: Callable[[Any], Any] | None = evaluation.run.world.ask
        if ask is None:
            raise EvaluationError("not-given", "nobody can be asked here")
        ask(ImageDataQuestion(reference=image, credentials=self.body.credentials, of_registry=True))


class _Inapplicable(Exception):
    """The policy says nothing of a request."""


class _Attestors(Record):
    """The variable `attestors`: each is filled in when it is first read."""

    __slots__ = ("_attestors", "_evaluation", "_known")

    def __init__(self, evaluation: Evaluation, attestors: Sequence[CompiledAttestor]) -> None:
        self._evaluation = evaluation
        self._attestors = {each.attestor.name: each for each in attestors}
        self._known: dict[str, AttestorValue] = {}

    def field(self, name: str) -> Any:
        """Return an attestor.

        Raises:
            CelError: an expression of it has no value.
        """
        found = self._attestors.get(name)
        if found is None:
            return MISSING
        if name not in self._known:
            texts = [self._text(name, program) for program in found.programs]
            self._known[name] = AttestorValue(filled(found.attestor, texts))
        return self._known[name]

    def _text(self, name: str, program: Program) -> str:
        try:
            value = self._evaluation.value(program)
        except EvaluationError as error:
            text = f"failed to evaluate compiled attestor: {name}, error: {error.message}"
            raise CelError(text, error.code) from error
        if not isinstance(value, str):
            raise CelError(f"failed to convert expression in compiled attestor: {name}, error: it is no text")
        return value


def _has_digest(image: str) -> bool:
    """Say whether a reference names a digest.

    Raises:
        EvaluationError: it is none.
    """
    try:
        return bool(parse_reference(image).digest)
    except CelError as error:
        text = f"failed to parse image reference {image:.200}: {error.message}"
        raise EvaluationError("bad-image-reference", text) from error


@lru_cache(maxsize=8)
def _usual(where: str) -> tuple[Named, ...]:
    """Return what finds the images of containers below a path."""
    environment = image_environment("")
    text = "(object != null ? object : oldObject).{}.?{}.orValue([]).map(e, e.image)"
    return tuple(
        Named(name=name, program=environment.compile(text.format(where, name))) for name in _CONTAINERS
    )


def compile_images(
    body: CelImageValidation, exemptions: Sequence[CelExemption] = (), *, fails_open: bool = False
) -> tuple[CompiledImages, Compiler]:
    """Return a compiled policy, and the compiler with the mistakes that were found."""
    compiler = Compiler(image_environment(body.scope.namespace, body.credentials), body.scope.dialect)
    scope = compile_scope(compiler, body.scope)
    compiled = CompiledImages(
        body=body,
        scope=scope,
        references=tuple(_references(compiler, body.references)),
        extractors=compiler.named(body.extractors, *_LISTS),
        attestors=tuple(_attestor(compiler, each) for each in body.attestors),
        checks=compile_checks(compiler, body.validations),
        exemptions=compile_exemptions(compiler, exemptions),
        fails_open=fails_open,
    )
    return compiled, compiler


def _references(compiler: Compiler, tests: Sequence[ImageTest]) -> Iterator[Reference]:
    own = Compiler(reference_environment(), compiler.dialect)
    for test in tests:
        program = None
        if test.expression is not None:
            program = own.program(test.expression, test.expression.expression, BOOL)
        else:
            try:
                compile_glob(test.glob)
            except GlobSyntaxError as error:
                own.refuse(test, ExpressionError("wrong-value", str(error)))
        yield Reference(test, program)
    compiler.mistakes += own.mistakes
    compiler.programs += own.programs


def _attestor(compiler: Compiler, attestor: NamedAttestor) -> CompiledAttestor:
    nodes: list[NamedExpression] = [each.expression for each in attestor.fillings]
    programs = (compiler.program(node, node.expression) for node in nodes)
    return CompiledAttestor(attestor, tuple(program for program in programs if program))

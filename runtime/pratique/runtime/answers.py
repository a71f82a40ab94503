"""Answers to the questions of one evaluation: expressions run at once, the world takes its time.

An expression that needs an answer nobody has yet is given up, the answer fetched, and the expression
evaluated again from its start. So only what is mentioned is asked for, each question once, and evaluation
stays free of waiting; it changes nothing, so that doing it again does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pratique.compiler.cel.questions import (
    AccessQuestion,
    CelQuestion,
    HttpQuestion,
    ImageDataQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
    SignedQuestion,
)
from pratique.compiler.context_questions import (
    ApiQuestion,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
    Question,
)
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.grammar.image_reference import ImageReferenceError, parse_image
from pratique.runtime.now import NotYetError
from pratique.runtime.phases import Phase, during
from pratique.runtime.ports import Accesses, ContextSource

if TYPE_CHECKING:
    from pratique.compiler.ir import RegistryCredentials
    from pratique.runtime.evaluation import Evaluation

T = TypeVar("T")

MAX_QUESTIONS: Final = 64
"""Different questions that one resource may lead to: a reference may hold a random text."""
MAX_IMAGE_QUESTIONS: Final = 1024
"""The same for questions of policies in CEL about images: several about each image of a resource."""


class Answers:
    """What one evaluation was told. A question has one answer as long as it lasts, errors included."""

    def __init__(
        self, source: ContextSource, evidence: Evaluation | None, accesses: Accesses | None = None
    ) -> None:
        """Take what answers questions about the cluster, what those about images, and the ways to them.

        Args:
            source: the cluster, or what stands for it.
            evidence: what is known of images; None where nobody is to be asked.
            accesses: chooses the way for credentials that a question names; None for one way for all.
        """
        self._source = source
        self._evidence = evidence
        self._accesses = accesses
        self._known: dict[Question, Any] = {}
        self._left = {False: MAX_QUESTIONS, True: MAX_IMAGE_QUESTIONS}
        self._enough = False
        self._ended = False

    def close(self) -> None:
        """Answer from now on only what was answered before: time is up."""
        self._ended = True

    def ask(self, question: Question) -> Any:
        """Return the answer to a question if it is known; to be called by evaluations in `settle`.

        Raises:
            EvaluationError: there is no answer, or `too-many-questions` were asked.
        """
        try:
            answer = self._known[question]
        except KeyError:
            if self._enough:
                text = f"the context asks for more than {MAX_QUESTIONS} different things"
                raise EvaluationError("too-many-questions", text) from None
            raise _Unanswered(question) from None
        if isinstance(answer, EvaluationError):
            raise EvaluationError(answer.code, answer.message)
        return answer

    async def settle(self, evaluate: Callable[[], T]) -> T:
        """Return what `evaluate` returns once all that it asks is answered, or raise what it raises.

        Raises:
            NotYetError: it asks about an image, and nobody is to be asked.
        """
        while True:
            try:
                return evaluate()
            except _Unanswered as unanswered:
                question = unanswered.question
            is_about_images = isinstance(question, ImageDataQuestion | SignedQuestion)
            self._left[is_about_images] -= 1
            if self._left[is_about_images] >= 0:
                self._known[question] = await self._answer(question)
            else:
                self._enough = True

    async def digest(self, reference: str, credentials: RegistryCredentials | None) -> str:
        """Return the digest that an image means now.

        Raises:
            EvaluationError: it could not be asked for.
            NotYetError: nobody is to be asked.
        """
        try:
            if self._ended:
                raise EvaluationError("deadline", f"unfinished: digest of {reference:.200}")
            return await (await self._through(credentials)).digest(parse_image(reference))
        except ImageReferenceError as error:
            raise EvaluationError("bad-image-reference", str(error)) from error
        except TransportError as error:
            raise EvaluationError(error.code, error.detail or error.message) from error

    async def _answer(self, question: Question) -> Any:
        if self._ended:
            return EvaluationError("deadline", f"unfinished: {_named(question)}")
        try:
            match question:
                case ImageQuestion():
                    from pratique.runtime.image_data import image_data

                    return await image_data(await self._through(question.credentials), question.reference)
                case ImageDataQuestion(of_registry=of) if of or not self._source.knows_images:
                    from pratique.runtime.cel_evidence import described

                    return await described(question, await self._through(question.credentials))
                case SignedQuestion():
                    from pratique.runtime.cel_evidence import signed

                    return await signed(question, await self._through(question.credentials))
                case _:
                    with during(Phase.CONTEXT, type(question).__name__):
                        return await self._source.answer(question)
        except EvaluationError as error:
            return error
        except TransportError as error:
            return EvaluationError(error.code, error.message)

    async def _through(self, credentials: RegistryCredentials | None) -> Evaluation:
        """Return the way to images that credentials open; pull secrets of the resource do not, as in Kyverno.

        Raises:
            TransportError: `registry-auth`: a Secret that holds credentials is malformed.
        """
        if self._evidence is None:
            raise NotYetError
        if self._accesses is None or credentials is None:
            return self._evidence
        try:
            return self._evidence.through(await self._accesses.choose(credentials, (), ""))
        except TransportError as error:
            raise TransportError(error.code, f"failed to get registry client: {error.message}") from error


def _named(question: Question) -> str:
    match question:
        case ConfigMapQuestion(namespace=namespace, name=name):
            return f"ConfigMap {namespace}/{name}"
        case ApiQuestion(entry=entry):
            return f"API call of the context entry {entry}"
        case GlobalQuestion(name=name):
            return f"global context entry {name}"
        case ImageQuestion(reference=reference) | ImageDataQuestion(reference=reference):
            return f"description of {reference}"
        case SignedQuestion(reference=reference):
            return f"verification of {reference}"
        case _:
            return _named_in_cel(question)


def _named_in_cel(question: CelQuestion) -> str:
    match question:
        case ParameterQuestion(kind=kind, name=name):
            return f"parameters {name or 'by labels'} of kind {kind}"
        case ResourceQuestion(resource=resource, namespace=namespace, name=name):
            return f"{resource} {namespace}/{name}"
        case ResourceListQuestion(resource=resource, namespace=namespace):
            return f"list of {resource} in {namespace or 'all namespaces'}"
        case ResourcePostQuestion(resource=resource):
            return f"answer to a POST of {resource}"
        case ResourceNameQuestion(kind=kind):
            return f"name of the resource of {kind}"
        case HttpQuestion(method=method):
            return f"answer of a service to a {method}"
        case AccessQuestion(verb=verb, resource=resource):
            return f"whether {verb} of {resource} is allowed"


class _Unanswered(Exception):
    """An evaluation needs an answer that nobody has asked for yet."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question

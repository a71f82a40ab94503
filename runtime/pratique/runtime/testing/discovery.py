"""Suites in folders: files of one name, in the order of names, each with one suite a document.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/test/load.go`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from pratique.grammar.documents.problems import problems
from pratique.grammar.documents.testing import Test
from pratique.grammar.errors import PolicyError, PolicyErrors, PratiqueError, UsageError
from pratique.grammar.nodes import Document, MappingNode, plain
from pratique.grammar.source import Location
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.inputs import read_inputs, show

FILE_NAME: Final = "kyverno-test.yaml"
MAX_FILES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite as it is written.

    Attributes:
        path: of its file.
        number: of its document in the file, from 0.
        test: what it says; None where it cannot be read.
        problem: why it cannot be read.
        document: where it says it.
    """

    path: Path
    number: int = 0
    test: Test | None = None
    problem: PratiqueError | None = None
    document: Document | None = None

    @property
    def folder(self) -> Path:
        """Return the folder that its paths are relative to."""
        return self.path.parent

    def place(self, *route: str | int) -> Location | None:
        """Return the place of a part of the suite."""
        return self.document.location(route) if self.document else None


def find_files(paths: Sequence[str], file_name: str = FILE_NAME) -> list[Path]:
    """Return the files of suites in folders, and files that are named themselves.

    Raises:
        UsageError: there is nothing of such a name, or there are too many files.
    """
    files: list[Path] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            files += _files(path, file_name)
        elif path.is_file():
            files.append(path)
        else:
            raise UsageError(f"there is no file or folder {show(name)}")
        if len(files) > MAX_FILES:
            raise UsageError(f"more than {MAX_FILES} files were named")
    return list(dict.fromkeys(files))


def _files(folder: Path, file_name: str) -> Iterator[Path]:
    """Yield the files of this name below a folder: what is in a folder in the order of names, depth first."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{show(str(folder))}: {error.strerror or error}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), file_name)
        elif entry.name == file_name:
            yield Path(entry.path)


def read_suites(path: Path) -> list[Suite]:
    """Return the suites of a file; one that cannot be read says so."""
    inputs = read_inputs([str(path)])
    errors = list(inputs.errors)
    suites: list[Suite] = []
    for source in inputs.sources:
        documents = read_documents(source)
        errors += documents.errors
        suites += [_suite(path, number, each) for number, each in enumerate(documents.documents)]
    if errors:
        return [Suite(path=path, problem=PolicyErrors(errors))]
    return suites


def _suite(path: Path, number: int, document: Document) -> Suite:
    old = _deprecated(document)
    if old:
        return Suite(path=path, number=number, problem=PolicyErrors([old]), document=document)
    try:
        test = Test.model_validate(plain(document.root), by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = PolicyErrors(problems(error, Test, document, ()))
        return Suite(path=path, number=number, problem=wrong, document=document)
    return Suite(path=path, number=number, test=test, document=document)


def _deprecated(document: Document) -> PolicyError | None:
    """Return what is said of a suite in the form before 1.11, which Kyverno refuses, too."""
    if isinstance(document.root, MappingNode) and document.root.get("name") is not None:
        return PolicyError(
            "deprecated-schema",
            "`name` at the top is the form of old suites",
            document.location(("name",), key=True),
            help="write it as metadata.name",
        )
    return None

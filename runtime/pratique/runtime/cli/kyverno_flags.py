"""Flags of `kyverno apply` that pratique takes without having a use for them, and those it refuses.

A pipeline that calls `kyverno apply` can call `pratique apply` with the same arguments, or is told which of
them would change the meaning of the run. Nothing that could change a verdict is ever ignored.

References: Kyverno 1.19, `cmd/cli/kubectl-kyverno/commands/apply/command.go`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, NoReturn


class Flag(NamedTuple):
    """A flag by its spellings; `value` names its argument, empty for a switch."""

    names: tuple[str, ...]
    value: str
    why: str


ACCEPTED: Final = (
    Flag(("--registry",), "", "registries are always asked, unless --offline is given"),
    Flag(("--continue-on-fail",), "", "one resource never keeps another from being judged"),
    Flag(("--continue-on-error",), "", "as above; inputs that cannot be read always end the run"),
    Flag(("--namespace", "-n"), "NAMESPACE", "selects in a cluster, and files are read in full"),
    Flag(("--concurrent",), "N", "resources are judged concurrently by themselves"),
    Flag(("--batch-size",), "N", "resources of a cluster are not read"),
    Flag(("--crd-paths", "--crd-path"), "FILE", "no schema is needed to find images"),
    Flag(("--v",), "LEVEL", "use -v"),
)
"""Flags that cannot change a verdict here, each with the reason."""

_CLUSTER: Final = "this version reads resources from files, not from a cluster"
_EXCEPTIONS: Final = "this version writes no policy exceptions"
_GIT: Final = "this version reads policies from files: clone the repository first"
_PAYLOAD: Final = "this version judges Kubernetes resources only"
_MUTATE: Final = "use `-o resources` to print what rules left of the resources"

_IN_TESTS: Final = "what policies in CEL ask for is given in suites of `pratique test` only"

REFUSED: Final = (
    Flag(("--cluster", "-c"), "", _CLUSTER),
    Flag(("--kubeconfig",), "FILE", _CLUSTER),
    Flag(("--context",), "NAME", _CLUSTER),
    Flag(("--cluster-wide-resources",), "", _CLUSTER),
    Flag(("--context-file",), "FILE", _IN_TESTS),
    Flag(("--parameter-resource",), "FILE", _IN_TESTS),
    Flag(("--generate-exceptions",), "", _EXCEPTIONS),
    Flag(("--generated-exception-ttl",), "DURATION", _EXCEPTIONS),
    Flag(("--git-branch", "-b"), "BRANCH", _GIT),
    Flag(("--username",), "NAME", _GIT),
    Flag(("--password",), "TEXT", _GIT),
    Flag(("--json",), "FILE", _PAYLOAD),
    Flag(("--http-payload",), "FILE", _PAYLOAD),
    Flag(("--envoy-payload",), "FILE", _PAYLOAD),
    Flag(("--stdin", "-i"), "", _MUTATE),
)
"""Flags that would change what is judged or printed in a way this version cannot follow."""


REFUSED_IN_TESTS: Final = (
    Flag(
        ("--git-branch", "-b"), "BRANCH", "this version reads suites from files: clone the repository first"
    ),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare both kinds of flags, each kind under its own heading in the help."""
    accepted = parser.add_argument_group("flags of kyverno apply that are accepted without effect")
    for flag in ACCEPTED:
        accepted.add_argument(
            *flag.names, action=_Accepted, nargs=_arity(flag), metavar=flag.value, help=flag.why
        )
    _refuse(parser, "flags of kyverno apply that are refused", REFUSED)


def refuse_test_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `kyverno test` that cannot be followed."""
    _refuse(parser, "flags of kyverno test that are refused", REFUSED_IN_TESTS)


def _refuse(parser: argparse.ArgumentParser, title: str, flags: Iterable[Flag]) -> None:
    refused = parser.add_argument_group(title)
    for flag in flags:
        refused.add_argument(
            *flag.names, action=_Refused, nargs=_arity(flag), metavar=flag.value, help=flag.why
        )


def _arity(flag: Flag) -> int | None:
    return None if flag.value else 0


class _Accepted(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, **settings)

    def __call__(self, parser: object, namespace: object, values: object, option: str | None = None) -> None:
        """Take note of nothing."""


class _Refused(_Accepted):
    def __call__(
        self, parser: object, namespace: object, values: object, option: str | None = None
    ) -> NoReturn:
        """Say why the flag cannot be honoured."""
        from pratique.grammar.errors import UsageError

        raise UsageError(f"{option}: {self.help}")

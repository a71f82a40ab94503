"""`pratique crds`: the custom resource definitions that a cluster needs."""

from __future__ import annotations

import argparse
from typing import Final

NAME: Final = "crds"
HELP: Final = "print the custom resource definitions that a cluster needs"

_EPILOG: Final = """\
Policies have the group, versions and fields of Kyverno's, so that existing ones apply as they are;
beside a running Kyverno only the definitions of reports are of use, if they are missing.

example:
  pratique crds | kubectl apply --server-side -f -
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique crds [policies] [reports] [openreports]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "which",
        metavar="WHICH",
        nargs="*",
        type=_which,
        help="policies (those of Kyverno that are served, and their exceptions), reports (PolicyReport,"
        " ClusterPolicyReport), openreports (Report, ClusterReport); the first two where none is named",
    )


def _which(text: str) -> str:
    if text not in ("policies", "reports", "openreports"):
        raise argparse.ArgumentTypeError(f"{text!r} is none of policies, reports, openreports")
    return text


def run(args: argparse.Namespace) -> int:
    """Print the definitions as YAML; return 0."""
    from pratique.runtime.kubernetes.definitions import (
        open_report_definitions,
        policy_definitions,
        report_definitions,
    )
    from pratique.runtime.outputs.json_text import yaml_text

    makers = {
        "policies": policy_definitions,
        "reports": report_definitions,
        "openreports": open_report_definitions,
    }
    wanted = args.which or ["policies", "reports"]
    print(yaml_text([each for name, make in makers.items() if name in wanted for each in make()]), end="")
    return 0

"""The story of this folder, told by the commands themselves, offline: run it with `python3 dev.py demo`."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PRATIQUE = str(Path(sys.executable).with_name("pratique"))

IMAGES = ["--registry-layout", "{lab}/layout", "--trusted-root", "{lab}/trust/trusted_root.json", "--offline"]
CHAPTERS = [
    (
        "The images of a control plane, signed by a throwaway Sigstore with the identities of the real ones.",
        ["lab", "build", "lab.yaml", "-o", "{lab}"],
        0,
    ),
    (
        "The policy as an article printed it: it lost its `*`, and applying it says nothing at all.",
        ["apply", "as-printed.yaml", "-r", "resources.yaml", *IMAGES],
        0,
    ),
    ("Lint says what is wrong with it.", ["lint", "as-printed.yaml"], 1),
    (
        "With its `*`: 12 pass, and etcd fails, because somebody else signs it.",
        ["apply", "first.yaml", "-r", "resources.yaml", *IMAGES],
        1,
    ),
    (
        "The improved policy names both signers: 13 pass.",
        ["apply", "improved.yaml", "-r", "resources.yaml", *IMAGES],
        0,
    ),
]
"""What is told, the command that shows it, and the exit code that it must have."""


def main() -> int:
    """Run every chapter; return 1 if one ends otherwise than told."""
    with tempfile.TemporaryDirectory(prefix="pratique-demo-") as lab:
        for text, arguments, expected in CHAPTERS:
            command = [argument.format(lab=lab) for argument in arguments]
            print(f"\n# {text}\n$ {shlex.join(['pratique', *arguments]).format(lab='LAB')}", flush=True)
            code = subprocess.run([PRATIQUE, *command], cwd=HERE, check=False).returncode
            if code != expected:
                print(f"this command should have ended with {expected}, not {code}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

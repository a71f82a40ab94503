"""What importing a layer, and running a command with nothing to fetch, may load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support_fleet import LABELLED, pod

HEAVY = ["aiohttp", "asyncio", "cryptography", "lark", "networkx", "re2", "requests", "rich", "sigstore"]


def loaded(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "pratique.grammar.documents",
        "pratique.compiler",
        "pratique.compiler.lower",
        "pratique.compiler.plan",
        "pratique.runtime.session",
        "pratique.runtime.cli",
    ],
)
def test_imports_nothing_heavy(module: str) -> None:
    assert not loaded(f"import {module}") & set(HEAVY)


def test_a_server_loads_nothing_for_traces_before_it_is_told_to() -> None:
    assert not loaded("import pratique.runtime.serving.running") & {"opentelemetry", "google", "requests"}


def test_explaining_loads_neither_graph_library_nor_client(tmp_path: Path) -> None:
    code = f"""
from pratique.runtime.cli import main
story = "policies/control-plane/"
outputs = [f"{{form}}={tmp_path}/{{form}}" for form in ("text", "json", "mermaid", "dot", "html", "plan")]
arguments = [argument for output in outputs for argument in ("-o", output)]
assert main(["explain", story + "first.yaml", "-r", story + "resources.yaml", *arguments]) == 0
"""
    assert not loaded(code) & set(HEAVY)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_run_in_which_nothing_applies_loads_no_client_and_no_verifier(tmp_path: object) -> None:
    code = """
from pathlib import Path
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions, apply
story = Path("policies/control-plane")
report = apply(ApplyOptions(
    policies=(str(story / "as-printed.yaml"),), resources=(str(story / "resources.yaml"),),
    store=StoreOptions(offline=True),
))
assert report.resources == 27 and not report.results
"""
    assert not loaded(code) & set(HEAVY)


def test_a_scan_that_asks_nobody_loads_no_client_and_no_verifier(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(LABELLED)
    (tmp_path / "pods.json").write_text(json.dumps(pod("a")))
    code = f"""
from pratique.runtime.cli import main
assert main(["scan", "{tmp_path}/policy.yaml", "--inventory", "{tmp_path}/pods.json"]) == 1
"""
    assert not loaded(code) & {*HEAVY, "multiprocessing"}


def test_lint_loads_nothing_of_verdicts() -> None:
    code = """
from pratique.runtime.cli import main
assert main(["lint", "policies/control-plane/as-printed.yaml"]) == 1
print(*(name for name in sys.modules if name.startswith("pratique.runtime.")))
"""
    assert not loaded(code) & {"pratique.runtime.decision", "pratique.runtime.engine"}

"""Registries of a suite: a lab beside it, or those of the world where they may be asked.

A suite about images has a recipe `lab.yaml` beside it, which is built for the run, or a folder `lab/` that
`pratique lab build` wrote: `lab/layout` holds the images and `lab/trust/trusted_root.json` the trust root.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pratique.grammar.errors import PolicyErrors
from pratique.runtime.registry.open import StoreOptions, cached, open_accesses, open_store
from pratique.runtime.secrets import NO_SECRETS
from pratique.runtime.trust_options import RootChoice, TrustOptions

if TYPE_CHECKING:
    from pratique.runtime.evidence import Evidence
    from pratique.runtime.ports import Accesses

T = TypeVar("T")

RECIPE: Final = "lab.yaml"
LAB: Final = "lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Where images are, and who may vouch for them."""

    store: StoreOptions
    trust: TrustOptions

    def run(self, judge: Callable[[Evidence, Accesses], Awaitable[T]]) -> T:
        """Return what `judge` returns, in an event loop.

        Raises:
            TransportError: the images or the trust root cannot be opened at all.
        """
        import asyncio

        return asyncio.run(self._run(judge))

    async def _run(self, judge: Callable[[Evidence, Accesses], Awaitable[T]]) -> T:
        from pratique.runtime.evidence import Evidence
        from pratique.runtime.keys.references import Keys
        from pratique.runtime.signatures.verifier import Verifier

        client = open_store(self.store)
        store = cached(client, self.store)
        try:
            keys = Keys(NO_SECRETS, os.environ, offline=self.store.offline)
            evidence = Evidence(store, Verifier.of(self.trust), keys)
            return await judge(evidence, open_accesses(self.store, client, store, NO_SECRETS))
        finally:
            await store.aclose()


def has_lab(folder: Path) -> bool:
    """Say whether a suite in this folder has images of its own."""
    return (folder / RECIPE).is_file() or (folder / LAB).is_dir()


@contextmanager
def open_images(folder: Path, *, offline: bool = False) -> Iterator[Images]:
    """Open the images of a suite: those of its lab, else those of registries, with the public trust root.

    Args:
        folder: that of the suite.
        offline: no registry is asked, and of the trust root the copy at hand is taken.

    Raises:
        PolicyErrors: the recipe is not one.
        UsageError: it is one of a lab that cannot be built.
    """
    if (folder / RECIPE).is_file():
        with tempfile.TemporaryDirectory(prefix="pratique-lab-") as built:
            _build(folder / RECIPE, Path(built))
            yield _of_lab(Path(built))
    elif (folder / LAB).is_dir():
        yield _of_lab(folder / LAB)
    else:
        yield Images(store=StoreOptions(offline=offline), trust=TrustOptions(offline=offline))


def _of_lab(folder: Path) -> Images:
    trust = TrustOptions(offline=True)
    root = folder / "trust" / "trusted_root.json"
    if root.is_file():
        trust = TrustOptions(roots=(RootChoice(name=str(root), path=root),), offline=True)
    return Images(store=StoreOptions(layout=folder / "layout", offline=True), trust=trust)


def _build(recipe: Path, folder: Path) -> None:
    from pratique.runtime.inputs import read_inputs
    from pratique.runtime.lab.build import write_lab
    from pratique.runtime.lab.recipe_reader import read_recipe

    inputs = read_inputs([str(recipe)])
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    write_lab(read_recipe(inputs.sources[0]), folder)

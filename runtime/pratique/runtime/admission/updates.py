"""What an UPDATE leaves as it was.

An image that was there before runs whatever the answer is: to refuse an update because of it does not stop
it. It is judged all the same, since labels or a namespace may bring it under another rule, and what is wrong
with it counts. But that nobody could be asked about it (an outage, a deadline) does not (W13).

DEVIATION: Kyverno 1.19 skips an unchanged image whose old object carries an annotation that it was verified;
nothing in an object is evidence here (R4). Updates that only take finalizers away pass unverified, so that
nothing is kept alive by its images (K8) (`tests/runtime/admission/test_updates.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pratique.runtime.admission.review import Review
from pratique.runtime.resource import Resource

_BOOKKEEPING: Final = ("finalizers", "generation", "managedFields", "resourceVersion")


def unchanged(review: Review, left: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return the JSON pointers of images that stand where they stood, in a container of the same name.

    Args:
        review: the request.
        left: what rules made of its object; None for the object as it is.
    """
    data = review.object if left is None else left
    if review.operation != "UPDATE" or data is None or review.old_object is None:
        return frozenset()
    before = {(i.pointer, i.key, i.text) for i in Resource(review.old_object).images}
    return frozenset(i.pointer for i in Resource(data).images if (i.pointer, i.key, i.text) in before)


def only_removes_finalizers(review: Review) -> bool:
    """Say whether an UPDATE takes finalizers away and changes nothing else."""
    old, new = review.old_object, review.object
    if review.operation != "UPDATE" or old is None or new is None:
        return False
    removed = _finalizers(old) - _finalizers(new)
    if not removed or _finalizers(new) - _finalizers(old):
        return False
    return _content(old) == _content(new)


def _finalizers(data: Mapping[str, Any]) -> set[str]:
    found = (data.get("metadata") or {}).get("finalizers")
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def _content(data: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in (data.get("metadata") or {}).items() if k not in _BOOKKEEPING}
    return {**data, "metadata": metadata}

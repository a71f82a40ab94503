import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.lab.merkle import MerkleTree, leaf_hash, node_hash


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def slow_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if index < k:
        return [*slow_path(index, leaves[:k]), slow_root(leaves[k:])]
    return [*slow_path(index - k, leaves[k:]), slow_root(leaves[:k])]


def root_by_proof(index: int, size: int, leaf: bytes, path: tuple[bytes, ...]) -> bytes:
    """RFC 9162, 2.1.3.2: the verifier's side."""
    fn, sn, node = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        assert sn != 0
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return node


def grown(leaves: list[bytes]) -> MerkleTree:
    tree = MerkleTree()
    for number, leaf in enumerate(leaves):
        assert tree.append(leaf) == number
    return tree


def test_known_tree() -> None:
    # The reference vectors of the RFC's own implementation (eight inputs).
    inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    tree = grown([bytes.fromhex(text) for text in inputs])
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    assert {size: tree.root(size).hex() for size in roots} == roots


def test_empty_tree() -> None:
    assert MerkleTree().root(0) == hashlib.sha256().digest()


@pytest.mark.parametrize("size", [*range(1, 20), 31, 32, 33, 64, 65])
def test_roots_and_paths_are_those_of_the_definition(size: int) -> None:
    leaves = [b"leaf %d" % n for n in range(70)]
    tree = grown(leaves)
    assert tree.root(size) == slow_root(leaves[:size])
    for index in range(size):
        assert list(tree.path(index, size)) == slow_path(index, leaves[:size])


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=80), st.data())
def test_paths_lead_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    tree = grown(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    assert root_by_proof(index, size, leaves[index], tree.path(index, size)) == tree.root(size)


def test_growing_leaves_earlier_sizes_as_they_were() -> None:
    tree = grown([b"a", b"b", b"c"])
    before = (tree.root(3), tree.path(1, 3))
    for number in range(100):
        tree.append(b"%d" % number)
    assert (tree.root(3), tree.path(1, 3)) == before

"""A Merkle tree over leaf hashes, as in RFC 6962: one root for many entries, and a short path to each.

Leaves and nodes are hashed with different first bytes, so that a node can never be passed off as an entry.
Source: RFC 6962 §2.1 and RFC 9162 §2.1.3, read 2026-11-26.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def leaf_hash(content: bytes) -> bytes:
    """Hash the bytes of one entry."""
    return hashlib.sha256(b"\x00" + content).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, in their order; of none it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def path_to(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the hashes that lead from the leaf at ``index`` to the root, the lowest first."""
    path, level = [], list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _level_above(level), index // 2
    return path


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to, or None where it does not fit a tree of ``size`` leaves."""
    if not 0 <= index < size:
        return None
    steps = iter(path)
    reached = leaf
    try:
        while size > 1:
            if index % 2:
                reached = _node(next(steps), reached)
            elif index + 1 < size:
                reached = _node(reached, next(steps))
            index, size = index // 2, (size + 1) // 2
    except StopIteration:
        return None
    return reached if next(steps, None) is None else None


def split(leaves: bytes) -> list[bytes]:
    """Take the stored leaf hashes of a seal apart; a rest that is no whole hash stays, shorter."""
    return [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    above = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()

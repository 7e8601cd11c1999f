"""Checks a proof of `storefront audit prove ENTRY --json`; needs Python 3 and nothing else.

    python3 verify_proof.py proof.json [anchors.jsonl | HASH]

Exit code 0 if the entry stands in the books as it was sealed, 1 (and what differs) if not, 2 if nothing can be read.
With an anchor that you kept, a hash or a file of anchors, the proof's newest seal must be one that it knows.
"""

import hashlib
import json
import pathlib
import sys


def canonical(value):  # RFC 8785 for objects, arrays, text, integers and null
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check(condition, difference):
    if not condition:
        sys.exit(f"NOT PROVED: {difference}")


def anchored_hashes(given):
    if len(given) == 64 and not set(given) - set("0123456789abcdef"):
        return {given}
    anchors = map(json.loads, filter(bytes.strip, pathlib.Path(given).read_bytes().splitlines()))
    return {anchor.get("data", anchor)["hash"] for anchor in anchors}


if len(sys.argv) not in (2, 3):
    sys.exit(print("usage: verify_proof.py proof.json [anchors.jsonl | HASH]", file=sys.stderr) or 2)
try:
    proof = json.loads(pathlib.Path(sys.argv[1]).read_bytes())
    entry, seal, newest, index = proof["entry"], proof["seal"], proof["seal"], proof["index"]
    reached, size, path = sha256(b"\0", canonical(entry)), seal["entries"], list(map(bytes.fromhex, proof["path"]))
    check(0 <= index < size, "the entry's place is not in its seal")
    while size > 1:  # up the Merkle tree of RFC 6962: left and right by the entry's place, an odd last node as it is
        if index % 2 or index + 1 < size:
            check(path, "the path to the root is too short")
            reached = sha256(b"\1", path.pop(0), reached) if index % 2 else sha256(b"\1", reached, path.pop(0))
        index, size = index // 2, (size + 1) // 2
    check(not path, "the path to the root is too long")
    check(reached.hex() == seal["root"], f"entry {entry['id']} is not what seal {seal['number']} holds")
    for one in proof["later"]:
        check(one["previous"] == sha256(canonical(newest)).hex(), f"seal {one['number']} breaks the chain")
        check(one["number"] == newest["number"] + 1, f"a seal is missing before seal {one['number']}")
        check(one["entries_so_far"] == newest["entries_so_far"] + one["entries"], f"seal {one['number']} counts wrong")
        newest = one
    found = sha256(canonical(newest)).hex()
    check(found == proof["hash"], f"the hash of seal {newest['number']} is another")
    for kept in sys.argv[2:]:
        check(found in anchored_hashes(kept), f"no anchor knows seal {newest['number']} with the hash {found}")
    print(f"Proved: entry {entry['id']} is in seal {seal['number']}; seal {newest['number']} has the hash {found}")
except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
    sys.exit(print(f"error: no proof or anchor can be read: {error!r}", file=sys.stderr) or 2)

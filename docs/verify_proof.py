"""Checks a proof of `storefront audit prove ENTRY --json`; needs Python 3 and nothing else.

    python3 verify_proof.py proof.json [anchors.jsonl | HASH]

Exit code 0 if the entry stands in the books as it was sealed, 1 (and what differs) if not. With an anchor
that you kept, a hash or a file of anchors, the newest seal of the proof must be one that the anchor knows.
"""

import hashlib
import json
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
    with open(given, encoding="utf-8") as lines:
        anchors = [json.loads(line) for line in lines if line.strip()]
    return {anchor.get("data", anchor)["hash"] for anchor in anchors}


with open(sys.argv[1], encoding="utf-8") as file:
    proof = json.load(file)
entry, seal = proof["entry"], proof["seal"]
reached, index, size, path = sha256(b"\0", canonical(entry)), proof["index"], seal["entries"], list(proof["path"])
check(0 <= index < size, "the entry's place is not in its seal")
while size > 1:  # up the Merkle tree of RFC 6962: left and right by the entry's place, an odd last node as it is
    if index % 2 or index + 1 < size:
        check(path, "the path to the root is too short")
        sibling = bytes.fromhex(path.pop(0))
        reached = sha256(b"\1", sibling, reached) if index % 2 else sha256(b"\1", reached, sibling)
    index, size = index // 2, (size + 1) // 2
check(not path, "the path to the root is too long")
check(reached.hex() == seal["root"], f"entry {entry['id']} is not what seal {seal['number']} holds")
newest = seal
for header in proof["later"]:
    check(header["previous"] == sha256(canonical(newest)).hex(), f"seal {header['number']} breaks the chain")
    check(header["number"] == newest["number"] + 1, f"a seal is missing before seal {header['number']}")
    counted = newest["entries_so_far"] + header["entries"]
    check(header["entries_so_far"] == counted, f"seal {header['number']} counts wrong")
    newest = header
found = sha256(canonical(newest)).hex()
check(found == proof["hash"], f"the hash of seal {newest['number']} is another")
if len(sys.argv) > 2:
    check(found in anchored_hashes(sys.argv[2]), f"no anchor knows seal {newest['number']} with the hash {found}")
print(f"Proved: entry {entry['id']} is in seal {seal['number']}; seal {newest['number']} has the hash {found}")

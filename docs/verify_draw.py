"""Verify a draw: ``python verify_draw.py opening.json [commitment]``; without a file it reads the standard input.

The file is what opening a container answered, or ``GET /v1/microtransactions/openings/{id}``. ``commitment`` is the one
that you saw before it was opened. This needs nothing of Storefront, and Python 3.9 or later.
"""

import hashlib
import hmac
import json
import sys


def numbers(seed, client_seed, number):
    """Yield numbers below 2^32: the first four bytes of HMAC-SHA256(seed, client_seed|number|0), …|1, …"""
    block = 0
    while True:
        message = f"{client_seed}|{number}|{block}".encode()
        yield int.from_bytes(hmac.new(seed, message, hashlib.sha256).digest()[:4], "big")
        block += 1


def verify(opening, commitment=None):
    """Return what is wrong with an opening, as a list of sentences; an empty one says that all is right."""
    seed, odds, wrong = bytes.fromhex(opening["seed"]), opening["odds"], []
    if hashlib.sha256(seed).hexdigest() != opening["commitment"]:
        wrong.append("the seed is not the one that was committed to")
    if commitment not in (None, opening["commitment"]):
        wrong.append("the commitment is not the one that you saw")
    if len(opening["drawn"]) != odds["draws"]:
        wrong.append(f"{len(opening['drawn'])} were drawn instead of {odds['draws']}")
    stream = numbers(seed, opening["client_seed"], opening["number"])
    last, times = opening["run"]["gives"], opening["run"]["times"]
    for told in opening["drawn"]:
        weights = [drop["weight"] for drop in odds["drops"]]
        left_out = None
        if odds["max_repeats"] and times >= odds["max_repeats"]:
            left_out = next((at for at, drop in enumerate(odds["drops"]) if drop["gives"] == last), None)
        if left_out is not None:
            weights[left_out] = 0
        total = sum(weights)
        point = next(x for x in stream if x < 2**32 - 2**32 % total) % total
        drop = next(at for at in range(len(weights)) if sum(weights[: at + 1]) > point)
        if (told["drop"], told["left_out"]) != (drop, left_out) or told["gives"] != odds["drops"][drop]["gives"]:
            wrong.append(f"drop {told['drop']} was told, the seed says {drop}")
        gives = odds["drops"][drop]["gives"]
        last, times = gives, times + 1 if gives == last else 1
    return wrong


if __name__ == "__main__":
    with open(sys.argv[1]) if len(sys.argv) > 1 else sys.stdin as file:
        found = verify(json.load(file), *sys.argv[2:])
    print("\n".join(found) or "the draw is what its seed says")
    sys.exit(bool(found))

"""Planted violations of erasures: a name that stayed, a word that stayed, a tombstone that nobody ordered."""

_DONE = "'done', 'me', NULL, NULL, NULL, 0, 0, 0)"

ERASURES: dict[str, tuple[str, list[str], str]] = {
    "somebody who was erased and still has a name": (
        "A3-erased",
        [f"INSERT INTO erasures VALUES ('cus_ada', {_DONE}"],
        "cus_ada was erased, and still has a name or a country",
    ),
    "somebody who was erased and left a reason": (
        "A3-erased",
        [
            "INSERT INTO customers VALUES ('cus_cleo', 'erased:1', NULL, 0, NULL, NULL, 0)",
            f"INSERT INTO erasures VALUES ('cus_cleo', {_DONE}",
        ],
        "cus_cleo was erased, but grants still holds reason of them",
    ),
    "a tombstone that nobody ordered": (
        "A3-erased",
        ["INSERT INTO customers VALUES ('cus_cleo', 'erased:1', NULL, 0, NULL, NULL, 0)"],
        "cus_cleo is marked as erased, but no erasure says so",
    ),
}

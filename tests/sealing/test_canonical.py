"""The bytes of an entry never change: not by a library, not by a new column, not by the order of rows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from storefront.core.sealing.canonical import ENTRY_COLUMNS, PART_COLUMNS, canonical_json, plain_row
from storefront.core.sealing.merkle import leaf_hash
from storefront.core.sealing.seals import NOTHING_BEFORE, Seal
from storefront.core.tables import credits, draws, entries, transfers

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcdefghij_", min_size=1), inner),
)


@given(VALUES)
def test_what_a_stranger_encodes_with_the_standard_library_is_the_same(value: object) -> None:
    theirs = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    assert canonical_json(value) == theirs


def test_text_is_written_as_rfc_8785_shows() -> None:
    assert canonical_json('€$\x0f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    assert canonical_json({"b": 1, "a": None}) == b'{"a":null,"b":1}'


def test_numbers_that_others_would_round_are_text_and_foreign_types_equal_nothing() -> None:
    assert plain_row(("n", "m"), (2**53 - 1, 2**53)) == {"n": 2**53 - 1, "m": "9007199254740992"}
    assert plain_row(("a", "b", "c"), (1.0, b"x", True)) == {
        "a": {"float": "1.0"},
        "b": {"bytes": "b'x'"},
        "c": {"bool": "True"},
    }


def test_every_column_is_sealed() -> None:
    """A new column needs a decision: it changes the bytes of no old entry, so it is sealed only by a new format."""
    assert set(ENTRY_COLUMNS) == {column.name for column in entries.columns}
    for table in (transfers, draws, credits):
        assert {"entry_id", *PART_COLUMNS[table.name]} == {column.name for column in table.columns}


def test_an_entry_and_a_seal_hash_as_they_always_did() -> None:
    document = {
        **plain_row(ENTRY_COLUMNS, ("ent_1", 7, "reward", "quest", "cus_1", "test", None, 10, 11, None)),
        "transfers": [plain_row(PART_COLUMNS["transfers"], (0, "platform:issuance:gems", "customer:cus_1:gems",
                                                            "gems", 50))],
        "draws": [],
        "credits": [plain_row(PART_COLUMNS["credits"], (0, 0, "lot_1", 50, "reward", None, None, None, 100, None))],
    }  # fmt: skip
    assert canonical_json(document) == (
        b'{"about":"quest","actor":"test","anchor":"cus_1","commit_no":7,"credits":[{"amount":50,"cost_amount":null,'
        b'"cost_currency":null,"expires_at":null,"lot_id":"lot_1","payment":null,"position":0,"priority":100,'
        b'"source":"reward","transfer":0}],"draws":[],"facts":null,"id":"ent_1","kind":"reward","occurred_at":10,'
        b'"recorded_at":11,"reverses":null,"transfers":[{"amount":50,"asset":"gems","destination":'
        b'"customer:cus_1:gems","position":0,"source":"platform:issuance:gems"}]}'
    )
    root = leaf_hash(canonical_json(document))
    seal = Seal(1, 7, 7, "ent_1", 1, 1, root, NOTHING_BEFORE, 12)
    assert (root.hex(), seal.hash.hex()) == (
        "6def6eb6db4b24a050cf3e6db20719d2f3a9ae7af043ee1584cc29f189a4395c",
        "a1688a91822ca02244e036719346bd013fd862c3e5e32438e0c42485e4940f48",
    )

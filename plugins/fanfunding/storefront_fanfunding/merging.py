"""What of fan funding moves when two customers become one: what both gave a creator adds up."""

from collections.abc import Mapping
from typing import Any

from storefront.core.commit.merging import Hindrance, Moves, Parties, Row
from storefront_fanfunding.accounts import board_anchor, queue_anchor
from storefront_fanfunding.board_tables import badges, counted, fans, goal_grants, grants
from storefront_fanfunding.pledge_tables import pledges
from storefront_fanfunding.tables import blocks, reversals, tips


def _pledge_under_way(row: Row, parties: Parties) -> Hindrance | None:
    if row["state"] in ("pending", "charging"):
        return Hindrance("pledge", row["id"], "Wait until its card is saved or charged, or withdraw it.")
    return None


def _give_together(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return {**theirs, "gross": row["gross"] + theirs["gross"]}


def _earliest(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    """Of one badge the one is kept that stays whatever happens, else that which was there first."""
    is_better = (-row["is_sticky"], row["granted_at"]) < (-theirs["is_sticky"], theirs["granted_at"])
    return {**row, "customer_id": parties.target_id} if is_better else theirs


def _keep_theirs(row: Row, theirs: Row, parties: Parties) -> Mapping[str, Any]:
    return theirs


def _both_stay(row: Row, theirs: Row, parties: Parties) -> None:
    """What a goal gave to each of the two is given: it stands under the name of then."""
    return


def _board(row: Row) -> str:
    return board_anchor(row["creator_id"])


MOVES: tuple[Moves, ...] = (
    Moves(tips),
    Moves(reversals),
    Moves(blocks, join=_keep_theirs, anchor=lambda row: queue_anchor(row["creator_id"])),
    Moves(pledges, hinders=_pledge_under_way),
    Moves(counted, anchor=_board),
    Moves(fans, join=_give_together, anchor=_board),
    Moves(badges, join=_earliest),
    Moves(grants),
    Moves(
        goal_grants,
        unique=("creator_id", "goal", "span", "stretch", "sku", "customer_id"),
        join=_both_stay,
        may_stay=True,
    ),
)

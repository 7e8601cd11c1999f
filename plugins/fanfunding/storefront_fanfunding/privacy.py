"""What of the plugin's tables is personal of a fan: names, messages, and what stands for a network.

Creators are the shop's partners, not its customers: what is held about them is in their statements and payouts.
"""

from collections.abc import Sequence

from storefront.core.privacy.register import Held, by, through
from storefront_fanfunding.board_tables import badges, counted, days, fans, goal_grants, grants, reached, trains
from storefront_fanfunding.pledge_tables import campaigns, pledges
from storefront_fanfunding.tables import (
    alerts,
    blocks,
    creators,
    invitations,
    lines,
    overlays,
    paces,
    payouts,
    reversals,
    sessions,
    tips,
)

REGISTER: Sequence[Held] = (
    Held(
        creators,
        plain="name id created_at",
    ),
    Held(
        tips,
        by("customer_id"),
        personal="name message sender",
        begins=True,
        plain="id creator_id customer_id purchase_id source is_anonymous is_held held_for is_name_only is_settled "
        "max_per_minute currency amount total tier rates share hold_ms state sequence earned reserved "
        "back_amount returned back_earned created_at updated_at paid_at release_at",
    ),
    Held(
        alerts,
        through("tip_id", tips, by("customer_id")),
        plain="creator_id sequence tip_id state is_test created_at updated_at shown_at done_at",
    ),
    Held(
        reversals,
        by("customer_id"),
        plain="id tip_id customer_id stage amount wanted from_reserve from_payable owed created_at updated_at",
    ),
    Held(
        overlays,
        plain="creator_id is_paused is_hidden free_at seen_at created_at updated_at",
        withheld="digest",
    ),
    Held(
        invitations,
        plain="creator_id created_at expires_at used_at",
        withheld="digest",
    ),
    Held(
        sessions,
        plain="creator_id created_at expires_at seen_at ended_at",
        withheld="digest",
    ),
    Held(
        payouts,
        plain="id creator_id currency state pay_with created_by account reference reason approved_by amount "
        "returned four_eyes since line created_at updated_at approved_at paid_at failed_at approvable_from",
    ),
    Held(
        lines,
        through("about", tips, by("customer_id")),
        plain="creator_id currency sequence entry_id kind about amount owed balance debt created_at",
    ),
    Held(
        paces,
        plain="creator_id",
        withheld="recent",
    ),
    Held(
        blocks,
        by("customer_id"),
        plain="creator_id customer_id sequence created_at",
    ),
    Held(
        counted,
        by("customer_id"),
        plain="tip_id currency creator_id customer_id is_anonymous day factor gross net settled seen",
    ),
    Held(
        days,
        plain="creator_id currency day gross net settled tips",
    ),
    Held(
        fans,
        by("customer_id"),
        plain="creator_id currency span customer_id is_anonymous gross",
    ),
    Held(
        reached,
        plain="creator_id goal span stretch currency target amount reached_at first_day end_day grants",
    ),
    Held(
        badges,
        by("customer_id"),
        plain="customer_id reason creator_id badge is_sticky granted_at",
    ),
    Held(
        grants,
        by("customer_id"),
        plain="tip_id sku creator_id customer_id quantity day per_tip per_day state goods entries created_at "
        "updated_at",
    ),
    Held(
        goal_grants,
        by("customer_id"),
        plain="id sku creator_id goal span stretch customer_id quantity day per_day state goods entries "
        "created_at updated_at",
    ),
    Held(
        trains,
        plain="creator_id number state currency levels level progress total contributions first_tip last_tip "
        "sequence started_at ends_at ended_at",
    ),
    Held(
        campaigns,
        plain="creator_id goal title currency target deadline min_collected state pledged backers collected "
        "created_at updated_at closed_at settled_at",
    ),
    Held(
        pledges,
        by("customer_id"),
        personal="country name message",
        begins=True,
        plain="id reason creator_id goal customer_id is_guest is_anonymous held_for currency amount worth tier gives "
        "rates share hold_ms pay_with setup_id method hold_id state attempts failures purchase_id "
        "failed_purchase_id tip_id next_attempt_at created_at updated_at opened_at closed_at",
    ),
)

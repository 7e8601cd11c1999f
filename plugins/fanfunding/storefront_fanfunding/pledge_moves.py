"""How pledges and their goal move inside a commit: late steps, which see the rows as they are then.

What a goal's open pledges come to is kept in the campaign's row, under the anchor of the creator's boards. A pledge
opens, is withdrawn and is charged only as that row allows, so whatever races, the sum at the deadline is that of the
pledges that were open then, and nothing is charged before it or below the target.
"""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import iso
from storefront.core.commit.apply import LateAnswer, LateStep, LateView
from storefront.core.commit.job_rows import job_row
from storefront.core.commit.plan import Change, Count, Emit, Insert, Key, Late, Plan, Step
from storefront_fanfunding.accounts import board_anchor
from storefront_fanfunding.board_tables import REACHED as REACHED_TABLE
from storefront_fanfunding.campaigns import (
    CHARGING,
    COLLECTED,
    COLLECTING,
    FAILED,
    MISSED,
    OPEN,
    PENDING,
    REACHED,
    WITHDRAWN,
    AlreadyPledged,
    GoalNotOpen,
    PledgeOver,
    backer_key,
    campaign_key,
    pledge_key,
    told_of,
)
from storefront_fanfunding.goal_reaching import GOAL_REACHED
from storefront_fanfunding.pledge_tables import CAMPAIGNS, PLEDGES

BEGIN, OPEN_STEP, WITHDRAW, CLOSE, CHARGE, PAY, SETTLE = (
    "begin_pledge", "open_pledge", "withdraw_pledge", "close_campaign", "charge_pledge", "pay_pledge",
    "settle_campaign",
)  # fmt: skip
PLEDGE_JOB, CAMPAIGN_JOB, GIVE_BACK_JOB, LET_GO_JOB = (
    "fanfunding.pledge", "fanfunding.campaign", "fanfunding.give_pledges_back", "fanfunding.let_go",
)  # fmt: skip
GOAL_MISSED, GOAL_FAILED, GOAL_COLLECTED = "goal.missed", "goal.failed", "goal.collected"
_TERMS = ("currency", "target", "deadline")


def add_begun(plan: Plan, pledge: Mapping[str, Any], campaign: Mapping[str, Any]) -> None:
    """Add a new pledge to a plan, and its goal's terms with the first one; both get the job that goes on with them."""
    plan.anchors |= {pledge["customer_id"], board_anchor(pledge["creator_id"])}
    jobs = (_campaign_job(campaign), _pledge_job(pledge, campaign))
    plan.add(Insert(PLEDGES, (pledge["id"],), pledge["customer_id"], pledge))
    reads = (campaign_key(campaign), *(Key("jobs", job.id, job.anchor) for job in jobs))
    plan.add(Late(f"fanfunding.{BEGIN}", reads, {"campaign": campaign, "jobs": jobs}))


def begin_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: a goal's terms are those of its first pledge; whoever saw others decides again (``Stale``)."""
    wanted, key = facts["campaign"], campaign_key(facts["campaign"])
    there = view.row(key)
    refusal = _refusal(wanted if there is None else there, view.moment.now)
    if refusal is not None:
        return refusal
    assert key.anchor is not None, "campaigns hang under boards"
    if there is None:
        return (Insert(CAMPAIGNS, key.id, key.anchor, wanted), *facts["jobs"])
    expect = {name: wanted[name] for name in _TERMS}
    return (Change(CAMPAIGNS, key.id, key.anchor, expect, {"updated_at": view.moment.now}), *facts["jobs"])


def add_opening(plan: Plan, pledge: Mapping[str, Any], method: str | None) -> None:
    """Add to a plan that a pledge counts from now on, with the saved method that will be charged (None: the wallet)."""
    plan.anchors |= {pledge["customer_id"], board_anchor(pledge["creator_id"])}
    reads = (pledge_key(pledge), campaign_key(pledge), backer_key(pledge))
    plan.add(Late(f"fanfunding.{OPEN_STEP}", reads, {"pledge": pledge, "method": method}))


def open_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: count a pledge whose method is saved, or whose hold stands."""
    pledge, campaign = view.row(pledge_key(facts["pledge"])), view.row(campaign_key(facts["pledge"]))
    assert pledge is not None, "a pledge is written before it opens"
    assert campaign is not None, "a campaign is written with its first pledge"
    now = view.moment.now
    if pledge["state"] != PENDING:
        return PledgeOver(state=pledge["state"])
    refusal = _refusal(campaign, now)
    if refusal is not None:
        return refusal
    changes = {"state": OPEN, "method": facts["method"], "opened_at": now, "updated_at": now}
    backer = backer_key(pledge)
    return (
        Count(str(backer.id[0]), pledge["customer_id"], 1, at_most=1, refusal=AlreadyPledged()),
        _counted(campaign, pledge, 1, now),
        Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": PENDING}, changes),
        _emit("opened", {**pledge, **changes}),
    )


def add_withdrawal(plan: Plan, pledge: Mapping[str, Any], *, reason: str | None = None) -> None:
    """Add to a plan that a fan takes a pledge back; its hold is the plan's to release."""
    plan.anchors |= {pledge["customer_id"], board_anchor(pledge["creator_id"])}
    reads = (pledge_key(pledge), campaign_key(pledge), backer_key(pledge))
    plan.add(Late(f"fanfunding.{WITHDRAW}", reads, {"pledge": pledge, "reason": reason}))


def withdraw_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: until the deadline a pledge can be withdrawn."""
    pledge, campaign = view.row(pledge_key(facts["pledge"])), view.row(campaign_key(facts["pledge"]))
    assert pledge is not None, "it was found"
    assert campaign is not None, "a campaign is written with its first pledge"
    now = view.moment.now
    if pledge["state"] not in (PENDING, OPEN) or _refusal(campaign, now) is not None:
        return PledgeOver(state=pledge["state"])
    changes = {"state": WITHDRAWN, "reason": facts["reason"], "updated_at": now, "closed_at": now}
    taken: tuple[Step, ...] = ()
    if pledge["state"] == OPEN:
        name = str(backer_key(pledge).id[0])
        taken = (Count(name, pledge["customer_id"], -1), _counted(campaign, pledge, -1, now))
    return (
        *taken,
        Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": pledge["state"]}, changes),
        _emit("withdrawn", {**pledge, **changes}, reason=facts["reason"]),
    )


def add_closing(plan: Plan, campaign: Mapping[str, Any]) -> None:
    """Add to a plan that a campaign's deadline is over."""
    plan.anchors.add(board_anchor(campaign["creator_id"]))
    reached = (campaign["creator_id"], campaign["goal"], "all", 0)
    reads = (campaign_key(campaign), Key(REACHED_TABLE, reached, board_anchor(campaign["creator_id"])))
    plan.add(Late(f"fanfunding.{CLOSE}", reads, {"campaign": campaign}))


def close_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: say whether the goal is reached, once, by the pledges that are open at the deadline."""
    key, now = campaign_key(facts["campaign"]), view.moment.now
    campaign = view.row(key)
    assert campaign is not None, "it was found"
    assert key.anchor is not None, "campaigns hang under boards"
    if campaign["state"] != COLLECTING or now < campaign["deadline"]:
        return ()
    is_reached = campaign["pledged"] >= campaign["target"]
    changes = {"state": REACHED if is_reached else MISSED, "closed_at": now, "updated_at": now}
    event = GOAL_REACHED if is_reached else GOAL_MISSED
    steps: tuple[Step, ...] = (
        Change(CAMPAIGNS, key.id, key.anchor, {"state": COLLECTING}, changes),
        Emit(key.anchor, event, campaign["creator_id"], told_of_campaign(campaign)),
    )
    if not is_reached:
        return steps
    name = (campaign["creator_id"], campaign["goal"], "all", 0)
    row = dict(zip(("creator_id", "goal", "span", "stretch"), name, strict=True)) | {
        "currency": campaign["currency"],
        "target": campaign["target"],
        "amount": campaign["pledged"],
        "first_day": 0,  # no days count, and nothing is given: each pledge gives what its tier says
        "end_day": 0,
        "grants": "[]",
        "reached_at": now,
    }
    return (*steps, Insert(REACHED_TABLE, name, key.anchor, row, replace=True))


def add_charging(plan: Plan, pledge: Mapping[str, Any], tip: Mapping[str, Any], purchase_id: str) -> None:
    """Add to the plan of a tip's purchase that a pledge is being charged by it; refused if it is no more due."""
    plan.anchors |= {pledge["customer_id"], board_anchor(pledge["creator_id"])}
    facts = {"pledge": pledge, "tip": tip, "purchase_id": purchase_id}
    reads = (pledge_key(pledge), campaign_key(pledge), Key("fanfunding_tips", (tip["id"],), pledge["customer_id"]))
    plan.add(Late(f"fanfunding.{CHARGE}", reads, facts))


def charge_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: begin one attempt, of a goal that was reached, if no other has begun since it was decided."""
    seen, tip = facts["pledge"], facts["tip"]
    pledge, campaign = view.row(pledge_key(seen)), view.row(campaign_key(seen))
    assert pledge is not None, "it was found"
    assert campaign is not None, "a campaign is written with its first pledge"
    is_due = pledge["state"] in (OPEN, CHARGING) and campaign["state"] == REACHED
    if not is_due or pledge["attempts"] != seen["attempts"]:
        return PledgeOver(state=pledge["state"])
    changes = {
        "state": CHARGING,
        "attempts": pledge["attempts"] + 1,
        "purchase_id": facts["purchase_id"],
        "tip_id": tip["id"],
        "next_attempt_at": None,
        "updated_at": view.moment.now,
    }
    return (
        Insert("fanfunding_tips", (tip["id"],), pledge["customer_id"], tip),
        Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": pledge["state"]}, changes),
    )


def add_collected(plan: Plan, pledge_id: str, tip_id: str, *, customer_id: str, purchase_id: str) -> None:
    """Add to the plan that completes a tip's purchase that its pledge is collected; refused if it was before."""
    facts = {"id": pledge_id, "customer_id": customer_id, "purchase_id": purchase_id, "tip_id": tip_id}
    plan.add(Late(f"fanfunding.{PAY}", (pledge_key(facts),), facts))


def pay_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: a pledge is collected once, by whichever of its attempts was paid first."""
    pledge, now = view.row(pledge_key(facts)), view.moment.now
    assert pledge is not None, "what is paid was pledged"
    if pledge["state"] != CHARGING:
        return PledgeOver(state=pledge["state"])
    changes = {
        "state": COLLECTED,
        "purchase_id": facts["purchase_id"],
        "tip_id": facts["tip_id"],
        "reason": None,
        "next_attempt_at": None,
        "updated_at": now,
        "closed_at": now,
    }
    return (
        Change(PLEDGES, (pledge["id"],), pledge["customer_id"], {"state": CHARGING}, changes),
        _emit("collected", {**pledge, **changes}, purchase=facts["purchase_id"], tip=facts["tip_id"]),
    )


def add_settling(plan: Plan, campaign: Mapping[str, Any], collected: int, many: int) -> None:
    """Add to a plan that each pledge of a reached goal is charged, or was in vain; ``collected`` is what they came to.

    Nothing is collected any more then, so what was read before the commit is so still.
    """
    anchor = board_anchor(campaign["creator_id"])
    plan.anchors.add(anchor)
    job = _job(GIVE_BACK_JOB, campaign, anchor, due_at=0)
    reads = (campaign_key(campaign), Key("jobs", job.id, anchor))
    facts = {"campaign": campaign, "collected": collected, "many": many, "job": job}
    plan.add(Late(f"fanfunding.{SETTLE}", reads, facts))


def settle_step(view: LateView, facts: Mapping[str, Any]) -> LateAnswer:
    """Late step: write down what was collected; with less than ``min_collected`` of the target all is given back."""
    key, now = campaign_key(facts["campaign"]), view.moment.now
    campaign = view.row(key)
    assert campaign is not None, "it was found"
    assert key.anchor is not None, "campaigns hang under boards"
    if campaign["state"] != REACHED:
        return ()
    is_enough = facts["collected"] * 10_000 >= campaign["target"] * campaign["min_collected"]
    changes = {"state": COLLECTED if is_enough else FAILED, "collected": facts["collected"], "settled_at": now,
               "updated_at": now}  # fmt: skip
    after = {**campaign, **changes}
    told = told_of_campaign(after, collected=_money(after, "collected"), collected_from=facts["many"],
                            **({} if is_enough else {"reason": "too_little_collected",
                                                     "min_collected": campaign["min_collected"]}))  # fmt: skip
    return (
        Change(CAMPAIGNS, key.id, key.anchor, {"state": REACHED}, changes),
        Emit(key.anchor, GOAL_COLLECTED if is_enough else GOAL_FAILED, campaign["creator_id"], told),
        *(() if is_enough else (facts["job"],)),
    )


def told_of_campaign(campaign: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a ``goal.*`` event tells of an all-or-nothing goal; ``amount`` is what was pledged."""
    return {
        "creator_id": campaign["creator_id"],
        "goal": campaign["goal"],
        "span": "all",
        "stretch": 0,
        "target": _money(campaign, "target"),
        "amount": _money(campaign, "pledged"),
        "backers": campaign["backers"],
        "deadline": iso(campaign["deadline"]),
        **more,
    }


def add_ended(plan: Plan, pledge: Mapping[str, Any], state: str, *, reason: str | None, now: int) -> None:
    """Add to a plan that a pledge ends in ``state``, if it still stands as it was read; a guest's card is let go."""
    expect = {name: pledge[name] for name in ("state", "attempts", "purchase_id")}
    changes = {"state": state, "reason": reason, "next_attempt_at": None, "updated_at": now, "closed_at": now}
    plan.anchors |= {pledge["customer_id"], board_anchor(pledge["creator_id"])}
    plan.add(Change(PLEDGES, (pledge["id"],), pledge["customer_id"], expect, changes))
    plan.add(_emit(state, {**pledge, **changes}, reason=reason))


def add_letting_go(plan: Plan, pledge: Mapping[str, Any], method: str | None, now: int) -> None:
    """Order that a guest's saved method is forgotten, if nothing else of theirs needs it then."""
    if pledge["is_guest"] and method is not None:
        payload = {"pledge": pledge["id"], "customer": pledge["customer_id"], "method": method}
        plan.schedule(LET_GO_JOB, anchor=pledge["customer_id"], unique_key=f"{LET_GO_JOB}:{pledge['id']}", due_at=now,
                      now=now, payload=payload)  # fmt: skip


def _refusal(campaign: Mapping[str, Any], now: int) -> GoalNotOpen | None:
    """Return why a goal takes no pledge, and gives none back."""
    if campaign["state"] == COLLECTING and now < campaign["deadline"]:
        return None
    return GoalNotOpen(goal=campaign["goal"], reason="over", deadline=iso(campaign["deadline"]))


def _counted(campaign: Mapping[str, Any], pledge: Mapping[str, Any], sign: int, now: int) -> Step:
    key = campaign_key(campaign)
    assert key.anchor is not None, "campaigns hang under boards"
    moved = {
        "pledged": campaign["pledged"] + sign * pledge["worth"],
        "backers": campaign["backers"] + sign,
        "updated_at": now,
    }
    return Change(CAMPAIGNS, key.id, key.anchor, {"pledged": campaign["pledged"]}, moved)


def _emit(word: str, pledge: Mapping[str, Any], **more: Any) -> Emit:
    return Emit(pledge["customer_id"], f"pledge.{word}", pledge["id"], told_of(pledge, **more))


def _money(campaign: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {"amount": campaign[column], "currency": campaign["currency"]}


def _pledge_job(pledge: Mapping[str, Any], campaign: Mapping[str, Any]) -> Insert:
    made = job_row(PLEDGE_JOB, anchor=pledge["customer_id"], unique_key=f"{PLEDGE_JOB}:{pledge['id']}",
                   due_at=campaign["deadline"], now=pledge["created_at"], payload={"pledge": pledge["id"]})  # fmt: skip
    return Insert("jobs", (made["id"],), pledge["customer_id"], made, once=True)


def _campaign_job(campaign: Mapping[str, Any]) -> Insert:
    return _job(CAMPAIGN_JOB, campaign, board_anchor(campaign["creator_id"]), due_at=campaign["deadline"])


def _job(kind: str, campaign: Mapping[str, Any], anchor: str, *, due_at: int) -> Insert:
    payload = {"creator_id": campaign["creator_id"], "goal": campaign["goal"]}
    made = job_row(kind, anchor=anchor, unique_key=f"{kind}:{campaign['creator_id']}:{campaign['goal']}",
                   due_at=due_at, now=campaign["created_at"], payload=payload)  # fmt: skip
    return Insert("jobs", (made["id"],), anchor, made, once=True)


LATE_STEPS: Mapping[str, LateStep] = {
    BEGIN: begin_step,
    OPEN_STEP: open_step,
    WITHDRAW: withdraw_step,
    CLOSE: close_step,
    CHARGE: charge_step,
    PAY: pay_step,
    SETTLE: settle_step,
}

"""Which rows a step needs: named before the batch, loaded each table once, and nothing else is."""

from collections.abc import Callable, Iterable
from typing import Any

from storefront.core.accounts import Account, wallet
from storefront.core.commit.debts import Forgive, Owe
from storefront.core.commit.freezes import Freeze, TakeFrozen, Unfreeze, WalletDemand
from storefront.core.commit.item_terms import COUNTED, NUMBERED, EndOf, ExpireItem, ItemTerms, terms_of
from storefront.core.commit.job_rows import hold_job_id, lapse_job_id
from storefront.core.commit.merging import MergeCustomer
from storefront.core.commit.passing import PassItem, PassOn
from storefront.core.commit.reversals import EndEntitlement, Restore, TakeBack
from storefront.core.commit.steps import (
    CaptureHold,
    Change,
    Claim,
    Count,
    Deposit,
    Emit,
    GrantEntitlement,
    GrantItem,
    Group,
    Insert,
    Key,
    LapseWallet,
    Late,
    OpenEntry,
    PlaceHold,
    ReleaseHold,
    Remove,
    Spend,
    Step,
    TakeItem,
    Transfer,
)
from storefront.core.commit.usage import CloseUsage, DrainUsage, MeterUsage, Part
from storefront.core.commit.watches import Watch
from storefront.core.config.model_usage import Aggregation


def account_key(account: Account, anchor: str) -> Key:
    return Key("accounts", (account.id,), anchor)


def lots_group(account: Account, anchor: str) -> Group:
    return Group("lots", (account.id,), anchor)


def reversed_key(step: Restore | TakeBack) -> Key:
    """Name the counter of what all reversals of one entry have given back to a wallet, or taken back from it."""
    way = "restored" if isinstance(step, Restore) else "taken"
    return _reversed(step.original, way, step.account, step.customer_id)


def taken_key(step: TakeFrozen, wanted: WalletDemand) -> Key | None:
    """Name the counter that bounds what is taken from a wallet; None where no entry is reversed."""
    original = step.demand.original
    if original is None:
        return None
    return _reversed(original, "taken", wallet(step.customer_id, wanted.asset), step.customer_id)


def _reversed(original: str, way: str, account: Account, customer_id: str) -> Key:
    return Key("counters", (f"reversed:{original}:{way}:{account.id}",), customer_id)


def holds_group(account: Account, anchor: str) -> Group:
    return Group("holds", (account.id,), anchor)


def freezes_group(customer_id: str) -> Group:
    return Group("freezes", (customer_id,), customer_id)


def freeze_key(step: Freeze | Unfreeze | TakeFrozen) -> Key:
    return Key("freezes", (step.freeze_id,), step.customer_id)


def debt_key(customer_id: str, asset: str) -> Key:
    return Key("debts", (customer_id, asset), customer_id)


def item_key(customer_id: str, sku: str) -> Key:
    return Key("items", (customer_id, sku), customer_id)


def entitlements_group(customer_id: str, key: str) -> Group:
    return Group("entitlements", (customer_id, key), customer_id)


def _reads_wallet(step: LapseWallet | Watch) -> Iterable[Key | Group]:
    return wallet_reads(step.customer_id, step.asset)


def wallet_reads(customer_id: str, asset: str) -> tuple[Key | Group, ...]:
    """Name a wallet: its balance, open lots, the open holds that pin some of them and who waits for those, its debt."""
    account = wallet(customer_id, asset)
    return (
        account_key(account, customer_id),
        lots_group(account, customer_id),
        holds_group(account, customer_id),
        freezes_group(customer_id),
        debt_key(customer_id, asset),
    )


def _reads_spending(step: Spend | Deposit | PlaceHold) -> Iterable[Key | Group]:
    return wallet_reads(step.customer_id, step.asset)


def _reads_deposit(step: Deposit) -> Iterable[Key | Group]:
    yield from _reads_spending(step)
    if step.terms.expires_at is not None:
        job_id = lapse_job_id(wallet(step.customer_id, step.asset), step.terms.expires_at)
        yield Key("jobs", (job_id,), step.customer_id)


def _reads_pass_on(step: PassOn) -> Iterable[Key | Group]:
    """Name both wallets, and the jobs that lapse what the receiver gets."""
    yield from wallet_reads(step.customer_id, step.asset)
    yield from wallet_reads(step.recipient_id, step.asset)
    for end in step.ends:
        yield Key("jobs", (lapse_job_id(wallet(step.recipient_id, step.asset), end),), step.recipient_id)


def _reads_hold(step: CaptureHold | ReleaseHold) -> Iterable[Key | Group]:
    yield from wallet_reads(step.customer_id, step.asset)
    yield Key("holds", (step.hold_id,), step.customer_id)
    yield Key("jobs", (hold_job_id(step.hold_id),), step.customer_id)


def _reads_original(step: OpenEntry) -> Iterable[Key | Group]:
    return () if step.reverses is None else (Key("entries", (step.reverses,), None),)


def _reads_reversal(step: Restore | TakeBack) -> Iterable[Key | Group]:
    yield from wallet_reads(step.customer_id, step.asset)
    yield reversed_key(step)
    for part in step.draws if isinstance(step, Restore) else step.parts:
        yield Key("lots", (part.lot_id,), step.customer_id)


def _reads_transfer(step: Transfer) -> Iterable[Key | Group]:
    return [account_key(a, step.anchor) for a in (step.source, step.destination) if a.is_guarded]


def instances_group(customer_id: str, sku: str) -> Group:
    return Group("item_instances", (customer_id, sku), customer_id)


def instance_key(customer_id: str, instance: str) -> Key:
    return Key("item_instances", (instance,), customer_id)


def serial_counter(sku: str) -> Key:
    """Name the counter of a SKU's serial numbers; it hangs under an anchor of its own, which the plan names."""
    return Key("counters", (f"serial:{sku}",), f"serial:{sku}")


def _reads_pass_item(step: PassItem) -> Iterable[Key | Group]:
    yield from _reads_item_of(step.customer_id, step.sku, NUMBERED)
    yield from _reads_item_of(step.recipient_id, step.sku, NUMBERED)


def _reads_grant_item(step: GrantItem) -> Iterable[Key | Group]:
    yield from _reads_item_of(step.customer_id, step.sku, step.terms)
    if step.terms.is_unique:
        yield serial_counter(step.sku)
        yield from (instance_key(step.customer_id, instance) for instance in step.instances)


def _reads_item(step: TakeItem | ExpireItem) -> Iterable[Key | Group]:
    return _reads_item_of(step.customer_id, step.sku, step.terms)


def _reads_item_of(customer_id: str, sku: str, terms: ItemTerms) -> Iterable[Key | Group]:
    yield item_key(customer_id, sku)
    if terms is COUNTED:
        return
    if terms.is_unique:
        yield instances_group(customer_id, sku)
    yield from (entitlements_group(customer_id, key) for key in terms.rights)


def _reads_grant_entitlement(step: GrantEntitlement) -> Iterable[Key | Group]:
    yield entitlements_group(step.customer_id, step.key)
    if isinstance(step.expires_at, EndOf):
        yield item_key(step.customer_id, step.expires_at.sku)


def _reads_freeze(step: Freeze | Unfreeze | TakeFrozen) -> Iterable[Key | Group]:
    """Name all that a freeze is about; its demand stays the same, so all of its steps name the same rows."""
    yield freeze_key(step)
    yield freezes_group(step.customer_id)
    for wanted in step.demand.wallets:
        yield from wallet_reads(step.customer_id, wanted.asset)
        for part in wanted.parts:
            yield Key("lots", (part.lot_id,), step.customer_id)
    for sku in step.demand.items:
        yield from _reads_item_of(step.customer_id, sku, terms_of(step.demand.terms, sku))
    for key in step.demand.rights:
        yield entitlements_group(step.customer_id, key)
    if isinstance(step, TakeFrozen):
        counters = (taken_key(step, wanted) for wanted in step.demand.wallets)
        yield from (counter for counter in counters if counter is not None)


def _reads_forgive(step: Forgive) -> Iterable[Key | Group]:
    yield from wallet_reads(step.customer_id, step.asset)
    yield from (Key("freezes", (name,), step.customer_id) for name in step.freeze_ids)


def _reads_count(step: Count) -> Iterable[Key | Group]:
    yield Key("counters", (step.key,), step.anchor)
    for _, steps in step.on_cross:
        for nested in steps:
            yield from reads_of(nested)


def _reads_insert(step: Insert) -> Iterable[Key | Group]:
    return (Key(step.table, step.id, step.anchor),) if step.once or step.replace else ()


def usage_id_key(id_hash: str) -> Key:
    """Name the row that says that an event has counted; no anchor guards it, it is unique in the whole shop."""
    return Key("usage_ids", (id_hash,), None)


def usage_account_key(customer_id: str, charge: str) -> Key:
    return Key("usage_accounts", (customer_id, charge), customer_id)


def usage_window_key(customer_id: str, part: Part) -> Key:
    return Key("usage_windows", (customer_id, part.meter, part.window), customer_id)


def usage_period_key(customer_id: str, part: Part, charge: str) -> Key:
    return Key("usage_periods", (customer_id, part.meter, charge, part.period), customer_id)


def unique_key(customer_id: str, part: Part) -> Key:
    return Key("usage_uniques", (customer_id, part.meter, part.period, str(part.value)), customer_id)


def _reads_usage(step: MeterUsage) -> Iterable[Key | Group]:
    """Name the ids of all events, and what they are added to: few rows, however many events there are."""
    windows: dict[tuple[str, int], Part] = {}
    for reading in step.readings:
        yield reading.id
        for part in reading.parts:
            windows[part.meter, part.window] = part
            if part.aggregation is Aggregation.UNIQUE:
                yield unique_key(step.customer_id, part)
    charges = step.charge_keys()
    for part in windows.values():
        yield usage_window_key(step.customer_id, part)
        yield usage_period_key(step.customer_id, part, charges.get(part.meter, ""))
    for charge in step.prepaid():
        yield usage_account_key(step.customer_id, charge.key)
        yield from wallet_reads(step.customer_id, charge.asset)


def _reads_drain(step: DrainUsage) -> Iterable[Key | Group]:
    yield usage_account_key(step.customer_id, step.charge)
    yield from wallet_reads(step.customer_id, step.asset)


def _reads_close(step: CloseUsage) -> Iterable[Key | Group]:
    return (Key("usage_periods", (step.customer_id, step.meter, step.charge, step.start), step.customer_id),)


_READS: dict[type, Callable[[Any], Iterable[Key | Group]]] = {
    OpenEntry: _reads_original,
    Emit: lambda step: (),
    Transfer: _reads_transfer,
    Spend: _reads_spending,
    Deposit: _reads_deposit,
    GrantItem: _reads_grant_item,
    PassItem: _reads_pass_item,
    TakeItem: _reads_item,
    ExpireItem: _reads_item,
    GrantEntitlement: _reads_grant_entitlement,
    Count: _reads_count,
    Claim: lambda step: (Key("claims", (step.key,), None),),
    Insert: _reads_insert,
    Change: lambda step: (Key(step.table, step.id, step.anchor),),
    Remove: lambda step: (Key(step.table, step.id, step.anchor),),
    Late: lambda step: step.reads,
    Restore: _reads_reversal,
    TakeBack: _reads_reversal,
    EndEntitlement: lambda step: (entitlements_group(step.customer_id, step.key),),
    PlaceHold: _reads_spending,
    CaptureHold: _reads_hold,
    ReleaseHold: _reads_hold,
    LapseWallet: _reads_wallet,
    Freeze: _reads_freeze,
    Unfreeze: _reads_freeze,
    TakeFrozen: _reads_freeze,
    Forgive: _reads_forgive,
    Owe: lambda step: (debt_key(step.customer_id, step.asset),),
    PassOn: _reads_pass_on,
    Watch: _reads_wallet,
    MeterUsage: _reads_usage,
    DrainUsage: _reads_drain,
    CloseUsage: _reads_close,
    MergeCustomer: lambda step: (),
}


def reads_of(step: Step) -> Iterable[Key | Group]:
    """Name the rows that one step needs."""
    return _READS[type(step)](step)

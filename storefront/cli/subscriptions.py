"""``storefront subscriptions``: what the plugin subscriptions is asked by hand."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from storefront.cli.choices import (
    DEFAULT_CONFIG,
    AfterFlag,
    Choice,
    ConfigArgument,
    ConfigFlag,
    DataFlag,
    JsonFlag,
    LimitFlag,
)
from storefront.cli.showing import (
    ask_shop,
    coloured,
    money_text,
    print_as_json,
    print_facts,
    print_heading,
    print_page,
    print_table,
    say,
    short_time,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


class State(StrEnum):
    """How the billing of a subscription stands."""

    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"
    INCOMPLETE_EXPIRED = "incomplete_expired"


@app.callback()
def subscriptions() -> None:
    """Look at subscriptions, at what one was asked for and metered, and at what they bring.

    \b
    Examples:
      storefront subscriptions list --state past_due
      storefront subscriptions show sub_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront subscriptions figures
    """


@app.command("list")
def list_subscriptions(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Only this customer's, by the game's own id, or ours (cus_…).")
    ] = None,
    sku: Annotated[str | None, typer.Option("--sku", metavar="TIER", help="Only those of this tier now.")] = None,
    limit: LimitFlag = 50,
    after: AfterFlag = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List subscriptions, newest first, also those that are over: state, price, what comes next and until when.

    `access` ends where no renewal is paid by then; an attempt is the next one after a charge that failed.

    \b
    Examples:
      storefront subscriptions list --state past_due
      storefront subscriptions list --customer ada
      storefront subscriptions list --sku premium --json | jq '.data[].id'
    """
    asked = {"state": None if state is None else str(state), "customer": customer, "sku": sku}
    print_page(
        ask_shop(Choice(file or config, data=data), "subscriptions.list", **asked, limit=limit, after=after),
        ("id", "customer", "tier", "state", "price", "every", "seats", "next", "access"),
        _cells,
        empty="There are none.",
        as_json=as_json,
        right=("price", "seats"),
    )


@app.command()
def show(
    subscription: Annotated[
        str, typer.Argument(metavar="ID", help="The subscription, as in: storefront subscriptions list")
    ],
    *,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a subscription: how it stands, its invoices with their purchases, usage, and all that happened to it.

    \b
    Examples:
      storefront subscriptions show sub_01k9x3v2m7q8r5t4w6y1z0abcd
      storefront subscriptions show sub_01k9x3v2m7q8r5t4w6y1z0abcd --json | jq '.invoices[].purchase'
    """
    found = ask_shop(Choice(config, data=data), "subscriptions.show", id=subscription)
    if as_json:
        print_as_json(found)
        return
    _print(found["subscription"])
    if found["invoices"]:
        print_heading("Invoices")
        columns = ("period", "from", "until", "state", "total", "attempts", "purchase")
        print_table(columns, [_invoice(one) for one in found["invoices"]], right=("period", "total", "attempts"))
    if found["usage"]:
        print_heading("Usage")
        figures = ("period", "quantity", "metered", "billed", "pending")
        print_table(("feature", *figures), [_usage(one) for one in found["usage"]], right=figures)
    print_heading("Events")
    print_table(("at", "type"), [(short_time(one["occurred_at"]), one["type"]) for one in found["events"]])


@app.command()
def figures(
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From 2027-01-01 (UTC) or 2027-01-01T09:30:00Z on; else all."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before that time; else up to now.")] = None,
    file: ConfigArgument = None,
    config: ConfigFlag = DEFAULT_CONFIG,
    data: DataFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell how far customers came, MRR, churn and what was taken by month, and what dunning brought.

    Each asset stands by itself, months are those of the calendar in UTC. With --json amounts are in smallest units.

    \b
    Examples:
      storefront subscriptions figures
      storefront subscriptions figures --from 2027-01-01 --to 2027-04-01
      storefront subscriptions figures --json | jq '.assets.USD.months[] | {month, mrr}'
    """
    told = ask_shop(Choice(file or config, data=data), "subscriptions.figures", **{"from": since, "to": until})
    if as_json:
        print_as_json(told)
        return
    from storefront.cli.subscription_figures import tell_figures

    tell_figures(told)


def print_subscriptions(live: list[dict[str, Any]], *, of: str) -> None:
    """Print the subscriptions of a customer's state, those that are not over."""
    live = [one for one in live if "billing_state" in one]  # another plugin's look otherwise; --json tells them
    if live:
        print_heading("Subscriptions")
        rows = [
            (one["id"], escape(one["sku"]), coloured(one["billing_state"]), one["interval"], _next(one),
             _access(one))
            for one in live
        ]  # fmt: skip
        print_table(("id", "tier", "state", "every", "next", "access"), rows)
        say(f"[dim]What is over, too: storefront subscriptions list --customer {escape(of)}[/]")


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        escape(one["customer"]["id"]),
        escape(one["sku"]),
        coloured(one["billing_state"]),
        escape(money_text(one["price"])),
        one["interval"],
        str(one["seats"]),
        _next(one),
        _access(one),
    )


def _next(one: dict[str, Any]) -> str:
    """Word what comes next: another attempt at a charge that failed, a renewal, or none."""
    attempt = one.get("next_attempt_at")
    if attempt is not None:
        return f"attempt {short_time(attempt)}"
    if one["billing_state"] in ("active", "trialing"):
        return f"renewal {short_time(one['period_end'])}" if one["will_renew"] else "no renewal"
    return "-"


def _access(one: dict[str, Any]) -> str:
    return f"until {short_time(one['access_until'])}" if one["has_access"] else "none"


def _print(one: dict[str, Any]) -> None:
    shown = {
        **one,
        "customer": one["customer"]["id"],
        "state": one["billing_state"],
        "reason": one["reason"] if one["reason"] != one["billing_state"] else None,
        "price": f"{money_text(one['price'])} every {one['interval']}, seats: {one['seats']}",
        "paid by": one["pay_with"],
        "period": f"{short_time(one['period_start'])} to {short_time(one['period_end'])}",
        "access": _access(one),
        "next": _next(one),
        "renews for": one["renews_for"] and money_text(one["renews_for"]),
        "credit": money_text(one["credit"]) if one["credit"]["amount"] else None,
        "owed": money_text(one["owed"]) if one["owed"]["amount"] else None,
        "created": short_time(one["created_at"]),
        "ended": None if one["ended_at"] is None else short_time(one["ended_at"]),
        **_beside(one),
    }
    names = ("id", "customer", "sku", "family", "state", "reason", "price", "paid by", "period", "access", "next",
             "renews for", "change", "pause", "gifted", "credit", "owed", "created", "ended",
             "final invoice")  # fmt: skip
    print_facts(shown, names)


def _beside(one: dict[str, Any]) -> dict[str, str | None]:
    """Word what a subscription may have beside its periods: a change to come, a pause, gifts, a final invoice."""
    told: dict[str, str | None] = dict.fromkeys(("change", "pause", "gifted", "final invoice"))
    if (change := one["pending_change"]) is not None:
        told["change"] = f"to {change['tier']}, {change['state']} for {short_time(change['change_at'])}"
    if (pause := one["pause"]) is not None:
        until = "it is resumed" if pause["resume_at"] is None else short_time(pause["resume_at"])
        told["pause"] = f"from {short_time(pause['starts_at'])} until {until} ({pause['cause']})"
    if (gifted := one["gifted"]) is not None:
        told["gifted"] = f"{gifted['periods_left']} periods to come" + (
            "" if gifted["until"] is None else f", until {short_time(gifted['until'])}"
        )
    if (final := one["final_invoice"]) is not None:
        told["final invoice"] = f"{money_text(final['total'])}, {final['state']} {final['purchase'] or ''}".strip()
    return told


def _invoice(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        "trial" if one["period"] < 0 else str(one["period"]),
        short_time(one["period_start"]),
        short_time(one["period_end"]),
        one["state"],
        escape(money_text(one["total"])),
        str(one["attempts"]),
        one["purchase"] or "-",
    )


def _usage(one: dict[str, Any]) -> tuple[str, ...]:
    amounts = (escape(money_text(one[name])) for name in ("metered", "billed", "pending"))
    return (escape(one["feature"]), str(one["period"]), str(one["quantity"]), *amounts)

"""``storefront check`` and ``storefront config-schema``: the YAML, explained before anything runs."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from storefront.cli.checking_live import compare_with_live, print_comparison
from storefront.cli.checking_online import Finding, as_facts, ask_gateways, print_findings
from storefront.cli.choices import Choice
from storefront.cli.output import console, describe_mistakes, print_error, print_json, print_mistakes
from storefront.core.config import Config, ConfigError, PluginSchema, full_schema
from storefront.core.config.currencies import show_amount
from storefront.core.config.model_prices import PriceList
from storefront.plugins import PluginFailed, PluginHost, installed_plugins, plugin_schema


@dataclass(frozen=True, slots=True)
class Checks:
    """What to check beside the YAML itself, and whether the exit code is to tell of changes."""

    is_online: bool = False
    against_live: bool = False
    exit_code: bool = False


def check(choice: Choice, checks: Checks, *, as_json: bool) -> None:
    """Read the configuration and tell what is in it, or every mistake; ends with exit code 2 on mistakes.

    ``is_online``: ask its gateways too; ends with exit code 1 if one of them would not work. ``against_live``: tell
    what it changes of what is on sale; with ``exit_code`` that ends with 2, no change with 0, and mistakes with 1.
    """
    on_mistakes = 1 if checks.exit_code else 2
    try:
        host = choice.load()
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "mistakes": describe_mistakes(error.mistakes)})
        else:
            print_mistakes(error.mistakes)
        raise typer.Exit(on_mistakes) from error
    except PluginFailed as error:
        if as_json:
            print_json({"ok": False, "mistakes": [], "error": error.detail})
        else:
            print_error(error.detail)
        raise typer.Exit(on_mistakes) from error
    facts = _summary(host)
    findings = _found_online(host) if checks.is_online else None
    comparison = compare_with_live(host) if checks.against_live else None
    if as_json:
        from_gateways = {} if findings is None else {"online": as_facts(findings)}
        is_ok = all(one.ok is not False for one in findings or ())
        live = {} if comparison is None else {"against_live": comparison.to_json()}
        print_json({**facts, "ok": is_ok, **from_gateways, **live})
    else:
        _print_summary(choice.config, facts)
        print_findings(findings or [])
        if comparison is not None:
            print_comparison(comparison)
    if any(one.ok is False for one in findings or ()):
        raise typer.Exit(1)
    if comparison is not None and comparison.changes and checks.exit_code:
        raise typer.Exit(2)


def _found_online(host: PluginHost) -> list[Finding]:
    return asyncio.run(ask_gateways(host))


def print_schema(output: Path | None) -> None:
    """Print the JSON Schema of this installation's configuration, or write it to a file."""
    schema = full_schema(_installed_schemas())
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    output.write_text(text + "\n", encoding="utf-8")
    console(stderr=True).print(f"Wrote {escape(str(output))}")


def _installed_schemas() -> dict[str, PluginSchema]:
    schemas = {}
    for name, point in installed_plugins().items():
        try:
            schemas[name] = plugin_schema(point.load())
        except Exception as error:  # a stranger's code may raise anything, and the others still have a schema
            print_error(f"The plugin {name} is left out of the schema: it cannot be loaded ({error}).")
    return schemas


def _summary(host: PluginHost) -> dict[str, Any]:
    config = host.config
    kinds: dict[str, int] = {}
    for offer in config.offers.values():
        kinds[offer.kind] = kinds.get(offer.kind, 0) + 1
    return {
        "ok": True,
        "shop": config.shop.name,
        "mode": str(config.mode),
        "files": [str(path) for path in config.files],
        "offers": {"count": len(config.offers), "by_kind": kinds, "skipped": list(config.skipped_offers)},
        "price_lists": [_price_list(config, one) for one in config.price_lists],
        "assets": list(config.assets),
        "plugins": host.describe(),
        "notes": [{"plugin": plugin, "about": what, "says": words} for plugin, what, words in host.notes()],
        "gateways": list(config.gateways),
        "keys": len(config.keys),
        "creators": list(config.creators),
        "data": str(config.data_dir),
    }


def _price_list(config: Config, one: PriceList) -> dict[str, Any]:
    """Tell which prices a price list makes, sku -> minor units."""
    made = {
        sku: price.amount
        for sku, offer in config.offers.items()
        for price in offer.listed
        if price.currency == one.currency and set(price.countries) <= set(one.countries) and price.countries
    }
    return {"name": one.name, "countries": list(one.countries), "currency": one.currency, "prices": made}


def _print_summary(path: Path, facts: dict[str, Any]) -> None:
    out = console()
    out.print(f"[green]✓[/] [bold]{escape(str(path))}[/] is in order.")
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts["offers"]["by_kind"].items())
    rows = [
        ("Shop", f"{facts['shop']} ({facts['mode']})"),
        ("Files", str(len(facts["files"]))),
        ("Offers", f"{facts['offers']['count']}: {kinds}" if kinds else "none"),
        ("Plugins", ", ".join(plugin["name"] for plugin in facts["plugins"]) or "none"),
        ("Gateways", ", ".join(facts["gateways"]) or "none"),
        ("Data", facts["data"]),
    ]
    for name, value in rows:
        out.print(f"  [dim]{name:<9}[/] {escape(value)}")
    for one in facts["price_lists"]:
        amounts = (f"{sku} {show_amount(amount, one['currency'])}" for sku, amount in one["prices"].items())
        out.print(f"  [dim]{'Prices':<9}[/] {escape(', '.join(one['countries']))}: {escape(', '.join(amounts))}")
    for note in facts["notes"]:
        out.print(f"  [dim]{escape(note['plugin']):<9}[/] {escape(note['about'])}: {escape(note['says'])}")
    for plugin in facts["plugins"]:
        if plugin["state"] != "active":
            out.print(f"  [yellow]{escape(plugin['name'])} is left out:[/] {escape(str(plugin['reason']))}")
    if facts["offers"]["skipped"]:
        out.print(f"  [yellow]not on sale because of that:[/] {escape(', '.join(facts['offers']['skipped']))}")

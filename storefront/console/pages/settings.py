"""Where things are set up: the shop as it runs, and the ways to operators, keys, the audit trail and plugins."""

from storefront.console.pages import catalog, keys, operators, plugins, trail
from storefront.console.words import counted
from storefront.core.keys import Keys
from storefront.core.operators.people import list_operators
from storefront.panels import Asking, ConsolePage, Line, Lines, PageView

PATH = "/console/settings"


class Settings:
    """The first page of settings; ``describe`` tells the plugins as they are now."""

    def __init__(self, api_keys: Keys, describe: plugins.Describe) -> None:
        self._keys = api_keys
        self._describe = describe

    async def show(self, asking: Asking) -> PageView:
        """Show where things are set up."""
        services, config = asking.services, asking.services.config
        lines = [
            Line("Shop", config.shop.name),
            Line("Mode", str(config.mode)),
            Line("Address", services.public_url),
            Line("Gateways", ", ".join(services.gateways) or "none"),
            Line(
                "Catalog on sale",
                f"Version {services.catalogs.active.version[:12]}",
                url=catalog.PATH if asking.may("catalog:read") else None,
            ),
        ]
        hint = (
            "What the YAML says is changed in the YAML: storefront check explains it, storefront reload takes it over."
        )
        return PageView("Settings", [Lines("The shop", lines, hint=hint), Lines("Set up", await self._ways(asking))])

    async def _ways(self, asking: Asking) -> list[Line]:
        ways: list[Line] = []
        if asking.may("operators:read"):
            ways.append(
                Line("Operators", counted(len(await list_operators(asking.services)), "operator"), url=operators.PATH)
            )
        if asking.may("keys:read"):
            made, written = len(await self._keys.all()), len(asking.services.config.keys)
            ways.append(Line("API keys", f"{counted(written, 'key')} in the YAML, {made:,} made here", url=keys.PATH))
        if asking.may("audit:read"):
            ways.append(Line("Audit trail", "who did what", url=trail.PATH))
        return [*ways, Line("Plugins", counted(len(self._describe()), "plugin"), url=plugins.PATH)]


def pages(api_keys: Keys, describe: plugins.Describe) -> list[ConsolePage]:
    """Return the first page of settings."""
    settings = Settings(api_keys, describe)
    return [ConsolePage(PATH, "Settings", "operations:read", settings.show, group="setup", icon="gear")]

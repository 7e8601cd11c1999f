"""What all tests share: the running shop, quiet logs, and what to do where a tool is missing."""

import os
import shutil
from collections.abc import Callable

import pytest

from storefront.testing import shop
from storefront.web.logs import configure_logging

__all__ = ["shop"]

_FINDERS: dict[str, tuple[str, ...]] = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def pytest_configure(config: pytest.Config) -> None:
    configure_logging("warning")


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Answers a tool's path; without it the test is skipped, or fails if ``STOREFRONT_REQUIRE`` names the tool."""

    def find(tool: str) -> str:
        for name in _FINDERS[tool]:
            path = shutil.which(name)
            if path is not None:
                return path
        reason = f"{tool} is not installed (looked for {', '.join(_FINDERS[tool])})"
        if tool in os.environ.get("STOREFRONT_REQUIRE", "").replace(",", " ").split():
            pytest.fail(f"{reason}, and STOREFRONT_REQUIRE asks for it")
        pytest.skip(reason)

    return find

"""The shop's own pictures: shown instead of drawings, and the only thing that a page loads from elsewhere."""

from pathlib import Path

from storefront.testing import TINY_SHOP, running_shop

SHOP = TINY_SHOP.replace("{gems: {title: Gems}}", "{gems: {title: Gems, icon: https://art.example/gem.svg}}").replace(
    "title: Sword,", "title: Sword, picture: https://cdn.example:8443/sword.png,"
)


async def test_a_page_loads_the_pictures_that_the_yaml_names_and_nothing_else_from_elsewhere(tmp_path: Path) -> None:
    async with running_shop(tmp_path, SHOP) as shop:
        page = await shop.as_nobody().send("GET", "/shop")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert policy["img-src"] == "'self' https://art.example https://cdn.example:8443"
    assert {name: sources for name, sources in policy.items() if "example" in sources and name != "img-src"} == {}
    html = page.body.decode()
    assert '<img class="icon" src="https://art.example/gem.svg" width="16" height="16" alt="">' in html
    assert 'src="https://cdn.example:8443/sword.png"' in html


async def test_a_shop_without_pictures_of_its_own_loads_none(tmp_path: Path) -> None:
    async with running_shop(tmp_path) as shop:
        page = await shop.as_nobody().send("GET", "/shop")
    assert "img-src 'self';" in page.headers["Content-Security-Policy"]
    assert b"<img" not in page.body

"""A creator's file while the shop runs: what is right takes effect, what is wrong does not, nor does anything else."""

import os

import pytest
from structlog.testing import capture_logs

from storefront.core.config import ConfigError
from storefront.core.creator_files import Pace, look_at
from storefront.testing import running_shop
from tests.fanfunding.tipping import FAN_SHOP, LUNA, give, tip

REFUSED = "creators_refused"


async def shown(shop):
    return (await shop.as_nobody().get("/v1/fanfunding/creators/luna")).json


async def comes(shop, wanted) -> None:
    """Wait until what is on sale says of Luna what is wanted."""
    await shop.until(lambda: wanted(shop.parts.services.catalogs.active.creators["luna"]))


async def refused(shop, logs) -> str:
    """Wait until a file was refused, and return why."""
    found = []
    await shop.until(lambda: found.extend(line["reason"] for line in logs if line["event"] == REFUSED) or found)
    return found[-1]


async def test_what_a_creator_saves_takes_effect_and_nothing_of_the_operators_does(stream, data_folder):
    paid = await tip(stream, 600)
    shop, file = data_folder / "shop.yaml", data_folder / "luna.yaml"
    edited = FAN_SHOP.replace("USD: 499", "USD: 498").replace("share: 90%", "share: 1%")
    assert "USD: 498" in edited
    shop.write_text(edited)
    before = {offer["sku"]: offer["prices"] for offer in (await stream.as_nobody().get("/v1/catalog")).json["offers"]}

    file.write_text(LUNA.replace("min: {USD: 500}", "min: {USD: 700}"))
    await comes(stream, lambda luna: luna["tips"]["tiers"][1]["min"] == {"USD": 700})
    assert (await shown(stream))["tiers"][1]["min"] == {"USD": 700}

    after = {offer["sku"]: offer["prices"] for offer in (await stream.as_nobody().get("/v1/catalog")).json["offers"]}
    assert after == before
    assert (await tip(stream, 600))["details"]["creator"] == "luna"
    rows = stream.query("SELECT tier, share FROM fanfunding_tips ORDER BY sequence")
    assert [(row["tier"], row["share"]) for row in rows] == [("gold", 9000), ("bronze", 9000)]
    assert (await stream.seen(paid))["catalog_version"] != stream.parts.services.catalogs.active.version


async def test_a_mistake_keeps_the_old_version_and_says_where_it_is(stream, data_folder):
    file = data_folder / "luna.yaml"
    with capture_logs() as logs:
        file.write_text("name: Luna\nshare: 100%\nabout: ${HOME}\ninclude: [shop.yaml]\ntips: {min: {USD: 1}}\n")
        said = await refused(stream, logs)
    for place in (":2:1 share: unknown key", ":3:8 about: ${…} is not allowed", ":4:1 include: is not allowed"):
        assert f"{file}{place}" in said
    assert (await shown(stream))["min"]["USD"] == 100
    assert (await give(stream, 99)).status == 422

    file.write_text(LUNA.replace("name: Luna", "name: Luna again"))
    await comes(stream, lambda luna: luna["name"] == "Luna again")


async def test_a_mistake_of_one_holds_up_no_other(data_folder):
    files = {name: data_folder / f"{name}.yaml" for name in ("luna", "nova")}
    for name, file in files.items():
        file.write_text(LUNA.replace("name: Luna", f"name: {name}"))
    config = FAN_SHOP.replace("luna: {file: luna.yaml", "nova: {file: nova.yaml}, luna: {file: luna.yaml")
    async with running_shop(data_folder, config) as shop:
        with capture_logs() as logs:
            files["luna"].write_text("name: ${HOME}\n")
            await refused(shop, logs)
        files["nova"].write_text(LUNA.replace("name: Luna", "name: Supernova"))
        await shop.until(lambda: shop.parts.services.catalogs.active.creators["nova"]["name"] == "Supernova")
        assert (await shown(shop))["name"] == "luna"


async def test_what_is_built_to_exhaust_the_reader_is_refused(stream, data_folder):
    file = data_folder / "luna.yaml"
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
    )
    for text, why in ((bomb, "luna.yaml"), ("# " + "x" * 262_144, "larger than 262144 bytes")):
        with capture_logs() as logs:
            file.write_text(text)
            assert why in await refused(stream, logs)
    assert (await shown(stream))["name"] == "Luna"


async def test_a_restart_and_a_reload_take_the_file_as_it_is(stream, data_folder):
    (data_folder / "luna.yaml").write_text(LUNA.replace("name: Luna", "name: Moon"))
    await stream.restart()
    assert (await shown(stream))["name"] == "Moon"


async def test_a_mistake_does_not_keep_the_shop_closed(stream, data_folder):
    file, edited = data_folder / "luna.yaml", data_folder / "shop.yaml"
    for text, where in (("name: ${HOME}\n", f"{file}:1:7 name: "), ("tips: [\n", f"{file}:2:1 is not YAML")):
        file.write_text(text)
        with capture_logs() as logs:
            await stream.restart()
            assert where in await refused(stream, logs)
        assert (await shown(stream))["name"] == "Luna"
    file.write_text(LUNA.replace("name: Luna", "name: Mended"))
    await comes(stream, lambda luna: luna["name"] == "Mended")

    file.write_text("name: ${HOME}\n")
    edited.write_text(FAN_SHOP.replace("hold_days: 1", "hold_days: no"))
    with pytest.raises(ConfigError) as caught:
        await stream.restart()
    assert f"{edited}:" in str(caught.value)


def test_whatever_becomes_of_files_is_seen(tmp_path):
    file = tmp_path / "luna.yaml"
    file.write_text("one")
    seen = [look_at([file])]
    for change in (lambda: file.write_text("other"), (tmp_path / "nova.yaml").touch, file.unlink):
        change()
        seen.append(look_at([file]))
    assert len(set(seen)) == 4


def test_a_pace_is_kept_in_any_hour():
    pace = Pace(2)
    taken = []
    for now in (0, 10, 20, 3_600_009, 3_600_011, 3_600_012):
        if pace.may(now):
            pace.note(now)
            taken.append(now)
    assert taken == [0, 10, 3_600_009, 3_600_011]


def gone(file, folder):
    file.unlink()


def a_folder(file, folder):
    file.unlink()
    file.mkdir()


def a_link_out(file, folder):
    file.unlink()
    file.symlink_to("/etc/hostname")


def a_link_to_itself(file, folder):
    file.unlink()
    file.symlink_to(file)


def a_pipe(file, folder):
    file.unlink()
    os.mkfifo(file)


def nothing(file, folder):
    file.write_text("")


_LUNA = "{luna: {file: luna.yaml, share: 90%"
NAMED = FAN_SHOP.replace(_LUNA, "{nova: {file: creators/nova.yaml}, luna: {file: creators/luna.yaml, share: 90%")
INCLUDED = "include: [creators/*.yaml]\n" + FAN_SHOP.replace(_LUNA, "{nova: {}, luna: {share: 90%")


@pytest.mark.parametrize("becomes", [gone, a_folder, a_link_out, a_link_to_itself, a_pipe, nothing])
@pytest.mark.parametrize("config", [NAMED, INCLUDED], ids=["named", "included"])
async def test_whatever_becomes_of_ones_file_the_others_and_the_start_go_on(data_folder, config, becomes):
    (data_folder / "creators").mkdir()
    files = {name: data_folder / "creators" / f"{name}.yaml" for name in ("luna", "nova")}
    for name, file in files.items():
        file.write_text(f"creator: {name}\n" + LUNA.replace("name: Luna", f"name: {name}"))
    async with running_shop(data_folder, config) as shop:
        with capture_logs() as logs:
            becomes(files["luna"], data_folder)
            files["nova"].write_text("creator: nova\n" + LUNA.replace("name: Luna", "name: Supernova"))
            await shop.until(lambda: shop.parts.services.catalogs.active.creators["nova"]["name"] == "Supernova")
            assert "luna" in await refused(shop, logs)
        await shop.restart()
        assert (await shown(shop))["name"] == "luna"
        assert (await shop.as_nobody().get("/v1/fanfunding/creators/nova")).json["name"] == "Supernova"


async def test_who_saves_too_often_waits_alone(data_folder, monkeypatch):
    monkeypatch.setattr("storefront.core.creator_files.MOST_OF_ONE", 1)
    files = {name: data_folder / f"{name}.yaml" for name in ("luna", "nova")}
    for name, file in files.items():
        file.write_text(LUNA.replace("name: Luna", f"name: {name}"))
    config = FAN_SHOP.replace("luna: {file: luna.yaml", "nova: {file: nova.yaml}, luna: {file: luna.yaml")
    async with running_shop(data_folder, config) as shop:

        def name_of(creator):
            return shop.parts.services.catalogs.active.creators[creator]["name"]

        files["luna"].write_text(LUNA.replace("name: Luna", "name: first"))
        await shop.until(lambda: name_of("luna") == "first")
        with capture_logs() as logs:
            files["luna"].write_text(LUNA.replace("name: Luna", "name: second"))
            await shop.until(lambda: any(line["event"] == "creators_wait" for line in logs))
        files["nova"].write_text(LUNA.replace("name: Luna", "name: Supernova"))
        await shop.until(lambda: name_of("nova") == "Supernova")
        assert name_of("luna") == "first"
        shop.wall.move(3_601)
        await shop.until(lambda: name_of("luna") == "second")

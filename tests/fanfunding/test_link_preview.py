"""What a link to a tip page is shown with: the creator's words as text, and a picture that is drawn here."""

import io
import json
import re
from html import unescape

from PIL import Image
from storefront_fanfunding.page.preview_image import PreviewWords, draw_preview

from tests.fanfunding.hostile import HOSTILE
from tests.fanfunding.test_creator_files import comes
from tests.fanfunding.tipping import LUNA

ACCENT = LUNA.replace("name: Luna\n", 'name: Luna\naccent: "#7a1fa2"\n')
WHITE, AMBER = (255, 255, 255), (245, 176, 31)


async def told(shop) -> dict[str, str]:
    """Return what the page tells those who show links to it."""
    page = (await shop.as_nobody().send("GET", "/tip/luna")).body.decode()
    found = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', page)
    return {name: unescape(content) for name, content in found}


async def picture(shop, address: str):
    assert address.startswith(f"{shop.url}/tip/luna/preview.png?v=")
    sent = await shop.as_nobody().send("GET", address.removeprefix(shop.url))
    assert (sent.status, sent.headers["Content-Type"]) == (200, "image/png")
    return sent, Image.open(io.BytesIO(sent.body)).convert("RGB")


async def test_a_link_is_shown_with_the_creators_words_and_colour(stream, data_folder):
    (data_folder / "luna.yaml").write_text(ACCENT)
    await comes(stream, lambda luna: luna.get("accent") == "#7a1fa2")
    meta = await told(stream)
    assert (meta["og:title"], meta["og:description"]) == ("Tip Luna", "Luna plays")
    assert (meta["og:url"], meta["og:image:alt"]) == (f"{stream.url}/tip/luna", "Tip Luna. Luna plays")
    assert (meta["og:image:width"], meta["og:image:height"]) == ("1200", "630")
    sent, image = await picture(stream, meta["og:image"])
    assert image.size == (1200, 630)
    assert [image.getpixel(at) for at in ((5, 5), (600, 400), (150, 500))] == [(122, 31, 162), WHITE, AMBER]
    inked = sum(image.getpixel((x, y)) == (18, 32, 30) for x in range(320, 700) for y in range(120, 210))
    assert inked > 1000  # the heading
    assert "immutable" in sent.headers["Cache-Control"]
    again, _ = await picture(stream, meta["og:image"])
    assert again.body == sent.body
    old = await stream.as_nobody().send("GET", "/tip/luna/preview.png?v=of-before")
    assert (old.status, old.headers["Cache-Control"]) == (200, "no-cache")
    assert (await stream.as_nobody().send("GET", "/tip/nobody/preview.png")).status == 404

    (data_folder / "luna.yaml").write_text(ACCENT.replace("Luna plays", 'x"><script>alert(1)</script> ليلى'))
    await comes(stream, lambda luna: "script" in luna["title"]["en"])
    changed = await told(stream)
    assert changed["og:image"] != meta["og:image"]
    assert changed["og:image:alt"] == 'Tip Luna. x"><script>alert(1)</script> ليلى'
    _, image = await picture(stream, changed["og:image"])
    assert image.getpixel((5, 5)) == (122, 31, 162)


def test_any_words_make_a_picture_of_one_size_and_what_cannot_be_drawn_is_left_out():
    bare = draw_preview(PreviewWords("", "", "", "", "#0A6570", "#FFFFFF"))
    for words in (*HOSTILE[::20], "W" * 4000, "\x00\x1b[0m", "a\u0301" * 500, "\ud800", json.dumps(HOSTILE)):
        drawn = draw_preview(PreviewWords(words, words, words[:2], words, "#0A6570", "#FFFFFF"))
        assert Image.open(io.BytesIO(drawn)).size == (1200, 630)
    assert draw_preview(PreviewWords("たけし", "ليلى", "た", "لی", "#0A6570", "#FFFFFF")) == bare

"""An overlay's token opens one creator's alerts, for as long as no other was made."""

LINK = "/v1/fanfunding/creators/luna/overlay/token"
TICKET = "/v1/fanfunding/overlay/ticket"


async def test_a_link_is_shown_once_and_a_new_one_ends_the_old(stream):
    assert (await stream.as_nobody().post(LINK)).status == 401
    assert (await stream.as_customer().post(LINK)).status == 403
    first = await stream.as_server().post(LINK)
    assert first.status == 201
    token = first.json["token"]
    assert token.startswith("ovl_")
    assert first.json["url"].endswith(f"/overlay/alerts#token={token}")
    assert token not in repr(stream.query("SELECT * FROM fanfunding_overlays"))
    assert (await stream.as_nobody().post(TICKET, {"token": token})).status == 201

    second = await stream.as_server().post(LINK)

    assert (await stream.as_nobody().post(TICKET, {"token": token})).status == 401
    assert (await stream.as_nobody().post(TICKET, {"token": second.json["token"]})).status == 201
    assert (await stream.as_server().post("/v1/fanfunding/creators/nobody/overlay/token")).status == 404

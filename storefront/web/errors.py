"""From an error to its answer: the one table of statuses, and the one list of documented codes.

A status is found by the error's ``code`` first and by its category (the nearest class of the tree in
``core/errors.py``) second. A 5xx says nothing of the inside; the log has the rest under the same
request id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from storefront.core import errors
from storefront.routing import ErrorDoc, RouteError, problem


class BodyTooLarge(errors.Malformed):
    """More bytes than this route takes."""

    code = "body_too_large"
    title = "The request body is too large"


class HeadersTooLarge(errors.Malformed):
    """A header, or the address with its query, is longer than is taken. Source: RFC 6585, section 5."""

    code = "headers_too_large"
    title = "The request's headers are too large"


class BodyTooSlow(errors.Malformed):
    """The body did not arrive in time."""

    code = "body_too_slow"
    title = "The request body did not arrive in time"


class UnsupportedBody(errors.Malformed):
    """Not ``application/json`` (or the form that the route takes), or compressed."""

    code = "unsupported_media_type"
    title = "This kind of body is not read here"


class IdempotencyKeyRequired(errors.Malformed):
    code = "idempotency_key_required"
    title = "This request needs an Idempotency-Key header"


class IdempotencyKeyInvalid(errors.Malformed):
    code = "idempotency_key_invalid"
    title = "The Idempotency-Key header must be 1 to 255 visible ASCII characters, sent once"


class MissingScope(errors.Forbidden):
    code = "missing_scope"
    title = "This credential does not carry the scope that is needed"


class CrossSiteRequest(errors.Forbidden):
    """A cookie came along with a request that another site made."""

    code = "cross_site_request"
    title = "This request came from another site"


class MethodNotAllowed(errors.StorefrontError):
    """``allowed`` lists what the path does answer."""

    code = "method_not_allowed"
    title = "This path does not answer that method"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"Allowed here: {self.allowed}.")


class RateLimited(errors.TooManyRequests):
    """``headers`` are the RateLimit fields of the bucket that is empty."""

    def __init__(self, detail: str, *, retry_after_seconds: int, headers: Mapping[str, str]) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.headers = headers


STATUS_BY_CATEGORY: Mapping[type[errors.StorefrontError], int] = {
    BodyTooLarge: 413,
    BodyTooSlow: 408,
    HeadersTooLarge: 431,
    UnsupportedBody: 415,
    MethodNotAllowed: 405,
    errors.Malformed: 400,
    errors.Invalid: 422,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 409,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.StorefrontError: 500,
}

ERRORS: tuple[ErrorDoc, ...] = (
    ErrorDoc("malformed_request", 400, "The request could not be read",
             "Send valid JSON in UTF-8: no duplicate members, no NaN or Infinity, at most 64 levels deep."),
    ErrorDoc("idempotency_key_required", 400, IdempotencyKeyRequired.title,
             "Make one key per intention (a UUID will do), send it in Idempotency-Key, and keep it for retries."),
    ErrorDoc("idempotency_key_invalid", 400, "The Idempotency-Key header is not valid",
             "Send exactly one header of 1 to 255 visible ASCII characters."),
    ErrorDoc("unauthorized", 401, "A valid credential is needed",
             "Send Authorization: Bearer with a session token or a key. If it had one, it is unknown, expired or "
             "revoked: mint a new session."),
    ErrorDoc("insufficient_funds", 402, "The wallet does not hold enough",
             "The facts say required, available and short_by, and list top_up_offers; exact_top_up, where the shop "
             "has one, is bought as it stands (sku, amount) and fills up what is missing."),
    ErrorDoc("payment_declined", 402, "The payment was declined",
             "Ask the customer for another means of payment; begin a new purchase with a new key. The facts say the "
             "gateway's reason and the purchase that has failed."),
    ErrorDoc("forbidden", 403, "This credential may not do that",
             "Use the kind of credential that the route names: a publishable key cannot act as a server key."),
    ErrorDoc("missing_scope", 403, MissingScope.title,
             "The fact scope names it; the operator adds it to the key."),
    ErrorDoc("cross_site_request", 403, CrossSiteRequest.title,
             "Cookies are honoured from the shop's own pages only; elsewhere send a session token."),
    ErrorDoc("purchase_refused", 403, "The purchase is refused",
             "The shop says no more than that. Do not retry."),
    ErrorDoc("not_found", 404, "There is no such thing",
             "It is not there, or it is not yours: both answer alike."),
    ErrorDoc("method_not_allowed", 405, MethodNotAllowed.title, "The Allow header lists what it does answer."),
    ErrorDoc("body_too_slow", 408, BodyTooSlow.title, "Send it again under the same Idempotency-Key."),
    ErrorDoc("conflict", 409, "That clashes with the present state",
             "Read the object again; what you ask for is not possible in the state it is in."),
    ErrorDoc("refused", 409, "The shop refuses", "The detail says why."),
    ErrorDoc("already_owned", 409, "The customer already has this", "Show it as owned; nothing was charged."),
    ErrorDoc("auto_top_up_not_offered", 409, "This shop does not top wallets up by itself",
             "The operator switches it on in the configuration: auto_top_up."),
    ErrorDoc("cannot_top_up", 409, "This wallet is not topped up by itself now",
             "The fact reason says why in a word; the customer's automatic top-up says it, too."),
    ErrorDoc("limit_reached", 409, "The customer may buy no more of this",
             "The facts say the limit and, if it resets, when."),
    ErrorDoc("promo_code_invalid", 409, "This promo code cannot be used",
             "The fact reason says why: unknown, not_yet, expired, used_up, used_by_you, not_for_this_offer, "
             "not_for_this_currency, below_minimum, not_first_purchase, country, not_combinable, nothing_to_discount. "
             "Nothing was bought: take the code away, or show the detail to the buyer."),
    ErrorDoc("referral_refused", 409, "This referral code cannot be used",
             "The fact reason says why: unknown, own, already, not_new, circle."),
    ErrorDoc("sold_out", 409, "None are left", "Take it off the shelf; the catalog says so too."),
    ErrorDoc("price_changed", 409, "The price is no longer what was expected",
             "Fetch the catalog or a quote, show the new price, ask again."),
    ErrorDoc("bad_token", 422, "This token is not valid, or its time is over",
             "Ask again for what it came from, such as a preview."),
    ErrorDoc("offer_closed", 409, "This offer is not on sale now", "The facts say when it opens or closed."),
    ErrorDoc("amount_out_of_range", 422, "The amount is not between the least and the most that this offer takes",
             "The facts say min and max; ask the buyer for an amount between them."),
    ErrorDoc("idempotency_key_in_flight", 409, "A request with this key is still at work",
             "Wait as Retry-After says and send the same request under the same key."),
    ErrorDoc("not_enough_items", 409, "There are not enough of these in the inventory",
             "The facts say required and available."),
    ErrorDoc("hold_of_review", 409, "This is set aside for a purchase in review",
             "Approve or reject the purchase: POST /v1/reviews/{purchase}/approve, …/reject."),
    ErrorDoc("review_not_open", 409, "This purchase waits for its payment; there is nothing to decide yet",
             "Come back when it is paid: GET /v1/reviews?state=open."),
    ErrorDoc("review_decided", 409, "This review is decided otherwise",
             "The fact decision says how; expired means that nobody decided in time."),
    ErrorDoc("goods_unavailable", 409, "What was bought cannot be given now; nothing was taken",
             "Try again when it can be given, or reject it. The fact reason says why, where that is known."),
    ErrorDoc("money_going_back", 409, "This purchase's money goes back, or may have to; only rejecting it is possible",
             "Look at its refunds and disputes: GET /v1/purchases/{id}/refunds."),
    ErrorDoc("not_consumable", 409, "This is not used up by using it",
             "It lasts until its end, or it is a container, which is opened."),
    ErrorDoc("no_receipt", 409, "There is no receipt for this purchase",
             "The detail says why: it is not completed (yet), or it took no real money."),
    ErrorDoc("not_refundable", 409, "This purchase cannot be refunded",
             "The detail says why: it is not completed, or goods of its kind cannot be taken back."),
    ErrorDoc("too_many_pending", 409, "Too many purchases of this customer wait for their payment",
             "Pay or cancel some; the fact at_most says how many may wait. They also end by themselves."),
    ErrorDoc("checkout_too_late", 409, "The payment page could not be opened in time",
             "Nothing was charged; begin a new purchase under a new key."),
    ErrorDoc("refund_failed", 409, "The payment gateway did not make this refund",
             "Nothing was given back and nothing taken; the fact reason says what the gateway said."),
    ErrorDoc("payment_in_another_state", 409, "This payment has ended otherwise",
             "It was marked received or voided before. Look at it again; money that came late is sent back by hand."),
    ErrorDoc("payment_processing", 409, "This payment is on its way and cannot be canceled",
             "Its payer has done all there is to do. It ends by itself; once completed it can be refunded."),
    ErrorDoc("already_refunded", 409, "Everything is refunded already", "Read the purchase: refunds lists them."),
    ErrorDoc("refund_too_large", 409, "There is not that much left to refund",
             "The facts say left and quantity_left."),
    ErrorDoc("refund_too_fine", 409, "The payment gateway cannot give back so exact an amount",
             "The fact step says of what it must be a multiple, nearest which amounts close to it can be given back."),
    ErrorDoc("goods_used", 409, "Not all of the goods are still there",
             "The fact missing names them. With the strategy floor they are written off."),
    ErrorDoc("reversal_too_large", 409, "That would give back more than was taken",
             "The facts say required and left: all reversals of one entry stay within it."),
    ErrorDoc("reversal_of_reversal", 409, "A reversal cannot be reversed",
             "Make a new purchase or grant instead."),
    ErrorDoc("conversion_too_small", 409, "So little converts to nothing",
             "The fact least says the smallest amount that converts to something."),
    ErrorDoc("wallet_full", 409, "So much does not fit into the wallet",
             "The facts say most and balance; give less."),
    ErrorDoc("hold_not_open", 409, "This hold is over",
             "The facts say its state (captured, released, expired) and how much was captured."),
    ErrorDoc("hold_too_small", 409, "The hold has set less aside than that",
             "The facts say held and required; capture at most what is held."),
    ErrorDoc("hold_of_usage", 409, "This is set aside for usage that is not billed yet",
             "It is taken when the usage is billed, within metering.drain_every_seconds."),
    ErrorDoc("hold_of_plugin", 409, "A plugin has set this aside, and ends it by itself",
             "The fact plugin says which: a pledge, for example, is withdrawn at the plugin's own address."),
    ErrorDoc("not_consumable", 409, "This feature is not used up by quantity",
             "Its meter keeps a maximum, a latest value or different values: send usage events to POST /v1/usage."),
    ErrorDoc("too_many_events", 413, "So many usage events do not go into one request",
             "The fact at_most says how many do; send the rest in further requests."),
    ErrorDoc("too_many_holds", 409, "This wallet has as many open holds as it may",
             "Capture or release some; the fact limit says how many may be open."),
    ErrorDoc("debt_open", 409, "This cannot be spent while there is a debt",
             "The facts say asset and owed. Whatever the customer gets of that asset pays it off first."),
    ErrorDoc("too_many_webhook_endpoints", 409, "There are as many webhook endpoints as there may be",
             "Delete one that nobody needs; the fact at_most says how many there may be."),
    ErrorDoc("webhook_endpoint_state", 409, "The webhook endpoint is in another state",
             "A disabled endpoint is resumed before it can be paused."),
    ErrorDoc("event_forgotten", 409, "This event's text is kept no more",
             "Reconcile its gateway: that finds what it told."),
    ErrorDoc("event_ambiguous", 409, "Several of the gateway's accounts told an event of this id",
             "The fact accounts lists them: name one with account=."),
    ErrorDoc("job_not_dead", 409, "This job has not been given up", "It waits and is run by itself at due_at."),
    ErrorDoc("dispute_decided", 409, "This dispute is decided",
             "The fact state says how; nothing more can be said to it."),
    ErrorDoc("nothing_to_dispute", 409, "Nothing of this payment is left that could be disputed",
             "It was not paid through a gateway, or all of it has gone back already."),
    ErrorDoc("not_giftable", 409, "This cannot be given to somebody else",
             "The shop, or this offer, sells to its buyer alone; buy it without `recipient`."),
    ErrorDoc("gift_not_possible", 409, "This cannot be given to that recipient",
             "There is no such customer, or they can own no more of it: which, a customer is not told."),
    ErrorDoc("too_many_gifts", 409, "This customer has given as much today as they may",
             "Again tomorrow (UTC); `at_most` is how many gifts a day the shop allows."),
    ErrorDoc("not_transferable", 409, "This cannot be passed on",
             "Only what stands under `transfers.assets`, and items of offers that say "
             "`transferable` and do not run out in time, can."),
    ErrorDoc("merge_not_possible", 409, "These two customers cannot be merged now",
             "`hindrances` says what stands in the way, at which of the two, and how each ends; then merge again."),
    ErrorDoc("already_merged", 409, "These two are one customer already", "Nothing is left to do."),
    ErrorDoc("customer_merged", 503, "This customer has just been merged into another; send it again",
             "Send the same request again: it is about who the customer is now."),
    ErrorDoc("transfer_not_possible", 409, "This cannot be passed on to that recipient",
             "There is no such customer, or they can own no more of it: which, a customer is not told."),
    ErrorDoc("transfer_limit_reached", 409, "This customer has passed on as much today as they may",
             "Again tomorrow (UTC); `at_most` is what the shop allows a day."),
    ErrorDoc("already_claimed", 409, "This was already taken", "It can be taken once; read what it was taken for."),
    ErrorDoc("bad_signature", 400, "The webhook's signature is missing, wrong or too old",
             "Check the endpoint's signing secret and this machine's clock (tolerance: 300 seconds)."),
    ErrorDoc("gateway_refused", 502, "The payment gateway refused our request",
             "The purchase has failed and nothing was charged. The operator finds the reason in the log."),
    ErrorDoc("gateway_failed", 502, "The payment gateway could not do this",
             "Nothing is known to have been charged. Send the same request under the same key."),
    ErrorDoc("gateway_unavailable", 503, "The payment gateway does not answer",
             "The purchase is kept. Send the same request under the same key: nobody is charged twice."),
    ErrorDoc("assessment_unavailable", 503, "This purchase cannot be checked right now",
             "Nothing was written. Send the same request under the same key."),
    ErrorDoc("overloaded", 503, "The shop is busy",
             "Nothing was written. Wait as Retry-After says and send the same request under the same key."),
    ErrorDoc("database_unavailable", 503, "The shop cannot reach its books right now",
             "Nothing was written. Wait as Retry-After says and send the same request under the same key."),
    ErrorDoc("too_many_streams", 409, "This customer has as many streams open as there may be",
             "Close one, or share one between the tabs and windows of a client."),
    ErrorDoc("outcome_unknown", 503, "It is not known yet whether this happened",
             "Send the same request under the same key until it is answered: it happens once."),
    ErrorDoc("amount_not_chargeable", 422, "The payment gateway cannot charge this amount",
             "The detail says why; choose another quantity or currency."),
    ErrorDoc("body_too_large", 413, BodyTooLarge.title, "Send less; the detail says how many bytes are taken."),
    ErrorDoc("headers_too_large", 431, HeadersTooLarge.title,
             "Send fewer cookies or a shorter address; the detail says how many bytes each may have."),
    ErrorDoc("unsupported_media_type", 415, UnsupportedBody.title,
             "Send Content-Type: application/json, uncompressed."),
    ErrorDoc("invalid_request", 422, "The request is not valid",
             "errors lists each wrong field by its JSON pointer and says what is wrong there."),
    ErrorDoc("unknown_offer", 422, "There is no such offer", "Take the SKU from the catalog."),
    ErrorDoc("idempotency_key_reused", 422, "This key was used with another request",
             "A key names one intention: use a new key for a different body."),
    ErrorDoc("rate_limited", 429, "Too many requests", "Wait as Retry-After says; RateLimit-Policy states the limit."),
    ErrorDoc("too_many_declines", 429, "Too many payments from here were declined",
             "No further payment is begun from this address until Retry-After is over. Other ways to pay, such as the "
             "wallet, go on."),
    ErrorDoc("internal_error", 500, "Something went wrong here",
             "Try again under the same Idempotency-Key; report the request_id if it stays."),
    ErrorDoc("unavailable", 503, "The shop cannot answer right now",
             "Nothing happened. Wait as Retry-After says and send the same request under the same key."),
)  # fmt: skip


class ErrorTable:
    """Statuses and documentation of every code, the plugins' included."""

    core: ClassVar[Mapping[str, ErrorDoc]] = {doc.code: doc for doc in ERRORS}

    def __init__(self, more: Iterable[tuple[str, ErrorDoc]] = ()) -> None:
        self.documented: dict[str, ErrorDoc] = dict(self.core)
        owners = dict.fromkeys(self.core, "core")
        for owner, doc in more:
            if doc.code in owners:
                raise RouteError(f"error code {doc.code} is documented by both {owners[doc.code]} and {owner}")
            owners[doc.code] = owner
            self.documented[doc.code] = doc

    def status(self, error: errors.StorefrontError) -> int:
        """Return the HTTP status of an error."""
        documented = self.documented.get(error.code)
        if documented is not None:
            return documented.status
        return next(STATUS_BY_CATEGORY[kind] for kind in type(error).__mro__ if kind in STATUS_BY_CATEGORY)

    def view(self, error: errors.StorefrontError) -> "ErrorView":
        """Return what a caller may see of an error; of a 500, nothing but that."""
        status = self.status(error)
        if status == 500:
            doc = self.core["internal_error"]
            return ErrorView(500, doc.code, doc.title, doc.advice)
        fields = error.errors if isinstance(error, errors.Invalid) else ()
        return ErrorView(status, error.code, error.title, error.detail, fields, error.facts, _headers(error))


@dataclass(frozen=True, slots=True)
class ErrorView:
    """An error as a problem document or an error page shows it."""

    status: int
    code: str
    title: str
    detail: str
    fields: tuple[errors.FieldError, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, request_id: str) -> web.Response:
        """Write the problem document."""
        return problem(
            self.code,
            status=self.status,
            title=self.title,
            detail=self.detail,
            request_id=request_id,
            errors=[{"pointer": wrong.pointer, "message": wrong.message} for wrong in self.fields],
            facts=self.facts,
            headers=self.headers,
        )


def _headers(error: errors.StorefrontError) -> dict[str, str]:
    headers = {}
    wait = getattr(error, "retry_after_seconds", None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    match error:
        case RateLimited():
            headers.update(error.headers)
        case errors.Unauthorized():
            headers["WWW-Authenticate"] = 'Bearer realm="storefront"'
        case MethodNotAllowed():
            headers["Allow"] = error.allowed
    return headers

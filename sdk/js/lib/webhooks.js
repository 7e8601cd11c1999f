/** Webhooks: whether a message is the shop's. Source: Standard Webhooks 1.0.0, https://www.standardwebhooks.com */

import { Unsupported, WebhookInvalid } from "./errors.js";

const TOLERANCE_SECONDS = 300;

/** `shop.webhooks`: the receiver's side; the same as `verifyWebhook`. */
export class Webhooks {
  #wall;

  constructor(wall) {
    this.#wall = wall;
  }

  /** Return the event of a message that is the shop's; throws `WebhookInvalid` for every other. */
  verify(secret, headers, body, options = {}) {
    return verifyWebhook(secret, headers, body, { now_seconds: this.#wall(), ...options });
  }
}

/**
 * Return the event (CloudEvents 1.0) of a message, once its signature is proved and it is not older than five minutes.
 *
 * `secret` is the endpoint's `whsec_…`; `headers` a `Headers` object, or a plain one with names in any case; `body` the
 * bytes (or the text) exactly as they came. Remember `event.id`: a message may come twice.
 *
 * Throws `WebhookInvalid` if anything is wrong, `Unsupported` where there is no WebCrypto.
 */
export async function verifyWebhook(secret, headers, body, { tolerance_seconds = TOLERANCE_SECONDS,
  now_seconds = Date.now() / 1000 } = {}) {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature").split(" ");
  if (!/^\d{1,12}$/.test(timestamp)) throw invalid("its time is no number");
  if (Math.abs(now_seconds - Number(timestamp)) >= tolerance_seconds) throw invalid("its time is too far from ours");
  const content = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const key = await importSecret(secret);
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), content);
  for (const signature of signatures) {
    const given = signature.startsWith("v1,") ? decoded(signature.slice(3)) : null;
    // `verify` compares in constant time.
    if (given !== null && (await crypto.subtle.verify("HMAC", key, given, signed))) return event(content);
  }
  throw invalid("no signature is right");
}

async function importSecret(secret) {
  const bytes = decoded(String(secret).replace(/^whsec_/, ""));
  if (bytes === null || bytes.length === 0) throw new TypeError("the secret of an endpoint begins with whsec_");
  if (!globalThis.crypto?.subtle) throw new Unsupported("There is no WebCrypto here.", { code: "unsupported" });
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function header(headers, name) {
  const entries = typeof headers.entries === "function" ? [...headers.entries()] : Object.entries(headers);
  const found = entries.filter(([given]) => given.toLowerCase() === name).map(([, value]) => String(value));
  if (found.length !== 1 || found[0] === "") throw invalid(`it has no ${name}, or several`);
  return found[0];
}

function event(content) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (cause) {
    throw invalid("its body is not JSON", cause);
  }
}

function decoded(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    if (error.name === "InvalidCharacterError") return null;
    throw error;
  }
}

function joined(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function invalid(why, cause) {
  return new WebhookInvalid(`This is no webhook of the shop: ${why}.`, { code: "webhook_invalid", cause });
}

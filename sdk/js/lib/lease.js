/**
 * Leases: a customer's state signed by the shop, so that it can be trusted while nobody can be asked.
 *
 * A lease is a compact JWS (RFC 7515) under one of the shop's Ed25519 keys (RFC 8037, RFC 9864), of the type
 * `lease+jwt`; its payload is the customer state with `lease_until`. The public keys stand at `/.well-known/jwks.json`.
 * It comes as `lease` in `GET /v1/me`, unless the shop gives none (`leases.hours` 0).
 */

import { Unsupported } from "./errors.js";
import { seconds } from "./cache.js";

const TYPE = "lease+jwt";
const ALGORITHMS = new Set(["Ed25519", "EdDSA"]);

/**
 * Return what a lease says, or null if its signature, type or form is not right: a bad lease is as good as none.
 *
 * `jwks` are the shop's public keys. Throws `Unsupported` where WebCrypto has no Ed25519.
 */
export async function verifyLease(jws, jwks) {
  const [head, body, signature, ...rest] = String(jws).split(".");
  const header = readJson(head);
  const state = readJson(body);
  const signed = readBytes(signature);
  const jwk = (jwks?.keys ?? []).find((key) => key.kid === header?.kid && key.kty === "OKP" && key.crv === "Ed25519");
  const isLease = header?.typ === TYPE && ALGORITHMS.has(header.alg) && !("crit" in header) && rest.length === 0;
  if (!isLease || !jwk || signed === null || !isState(state)) return null;
  const isGood = await verify(jwk, signed, new TextEncoder().encode(`${head}.${body}`));
  return isGood ? { until: seconds(state.lease_until), state } : null;
}

/** Tell whether `verifyLease` can work here: WebCrypto is there (a secure context) and knows Ed25519. */
export async function canVerifyLeases() {
  if (globalThis.process?.getBuiltinModule) return true;
  try {
    await importKey({ x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }); // the public key of RFC 8037, appendix A
    return true;
  } catch (error) {
    if (error instanceof Unsupported) return false;
    throw error;
  }
}

/** Tell whether a signature is right; by Node's own means where it has them, for its WebCrypto warns of Ed25519. */
async function verify({ x }, signature, content) {
  const node = globalThis.process?.getBuiltinModule?.("node:crypto");
  if (!node) return crypto.subtle.verify("Ed25519", await importKey({ x }), signature, content);
  try {
    const key = node.createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return node.verify(null, content, key, signature);
  } catch {
    return false; // no key, or no signature of that length
  }
}

async function importKey({ x }) {
  if (!globalThis.crypto?.subtle) {
    const detail = "There is no WebCrypto here, so no lease can be checked; a page must come by https.";
    throw new Unsupported(detail, { code: "unsupported" });
  }
  try {
    return await crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, "Ed25519", false, ["verify"]);
  } catch (cause) {
    if (cause.name !== "NotSupportedError") throw cause;
    const detail = "WebCrypto has no Ed25519 here, so no lease can be checked; nothing is answered offline.";
    throw new Unsupported(detail, { code: "unsupported", cause });
  }
}

function isState(state) {
  const isWhole = ["customer", "version", "as_of", "server_time", "entitlements", "lease_until"].every(
    (name) => state !== null && name in state,
  );
  return isWhole && Number.isInteger(state.version) && Number.isFinite(seconds(state.lease_until));
}

function readJson(text) {
  const bytes = readBytes(text);
  if (bytes === null) return null;
  try {
    const found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null; // not JSON, not UTF-8
    throw error;
  }
}

function readBytes(text) {
  if (!/^[\w-]+$/.test(text ?? "")) return null;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch (error) {
    if (error.name === "InvalidCharacterError") return null;
    throw error;
  }
}

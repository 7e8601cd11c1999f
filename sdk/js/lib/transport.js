/** Requests that happen once: one idempotency key per write, retried under it, with a cap and jitter. */

import { ConnectionLost, GatewayRefused, InFlight, StorefrontError, TokenUnavailable, UnreadableAnswer }
  from "./errors.js";
import { errorFrom } from "./refusals.js";

const RETRIED = new Set([408, 429, 502, 503, 504]);
const LONGEST_PAUSE_SECONDS = 30;

/** An answer of the server: the status, its JSON object (empty for 204 and 304) and the headers. */
class Reply {
  constructor(status, document, headers) {
    this.status = status;
    this.document = frozen(document);
    this.headers = headers;
  }

  /** Whether this is the stored answer of an earlier request under the same key. */
  get isReplay() {
    return this.headers.get("Idempotent-Replayed") === "true";
  }
}

/** Sends requests; `options.fetch` is the one seam. */
export class Transport {
  #base;
  #credential;
  #customerVersion;
  #fetch;
  #tries;
  #timeoutSeconds;
  #pauseSeconds;
  #open = new Set();
  #closed = new AbortController();

  constructor(base, { credential, customerVersion, fetch, tries, timeout_seconds, pause_seconds }) {
    this.#base = base;
    this.#credential = credential;
    this.#customerVersion = customerVersion;
    this.#fetch = fetch;
    this.#tries = tries;
    this.#timeoutSeconds = timeout_seconds;
    this.#pauseSeconds = pause_seconds;
  }

  /** Aborted when the client is closed. */
  get closed() {
    return this.#closed.signal;
  }

  /** Give up what is under way, for good. */
  close() {
    this.#closed.abort(new StorefrontError("The client is closed.", { code: "closed" }));
    for (const controller of this.#open) controller.abort(this.closed.reason);
  }

  /** GET, retried like a write: reading twice changes nothing. */
  read(path, { query = {}, headers = {}, isPublic = false } = {}) {
    return this.#send("GET", path + asQuery(query), { headers, isPublic });
  }

  /** POST under one idempotency key, made once for all tries. */
  write(path, body, { key = undefined, takesKey = true } = {}) {
    return this.#send("POST", path, { body, headers: takesKey ? { "Idempotency-Key": key ?? randomText() } : {} });
  }

  /** DELETE, retried: what is gone stays gone. */
  delete(path) {
    return this.#send("DELETE", path, {});
  }

  /** Open a stream: one request, one try; its body is read by the caller, and `controller` ends it. */
  async open(path, headers, controller) {
    const response = await this.#answer("GET", path, { headers }, controller);
    if (response.status === 200 && isOf(response, "text/event-stream")) return response;
    await read(response, path);
    throw new UnreadableAnswer("Something answered that is no stream.", { code: "unreadable_answer" });
  }

  async #send(method, path, request) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(method, path, request);
      } catch (failure) {
        if (attempt + 1 >= this.#tries || !mayHelp(failure)) throw failure;
        await this.#pause(attempt, failure.retry_after_seconds ?? 0);
      }
    }
  }

  async #once(method, path, request) {
    const controller = new AbortController();
    const late = setTimeout(() => controller.abort(new Error("no answer in time")), this.#timeoutSeconds * 1000);
    this.#open.add(controller);
    try {
      const response = await this.#answer(method, path, request, controller);
      return await read(response, path);
    } catch (failure) {
      throw this.closed.aborted ? this.closed.reason : failure;
    } finally {
      clearTimeout(late);
      this.#open.delete(controller);
    }
  }

  /** Send a request and return the response's head; a dead token is asked for anew, once. */
  async #answer(method, path, { headers = {}, body, isPublic = false }, controller) {
    const signed = async (credential) => this.#request(method, path, { headers, body, credential }, controller);
    if (isPublic) return this.#dispatch(await signed(null));
    const credential = await this.#credential.get();
    const response = await this.#dispatch(await signed(credential));
    if (response.status !== 401 || !this.#credential.forget(credential)) return response;
    await response.body?.cancel();
    return this.#dispatch(await signed(await this.#credential.get()));
  }

  #request(method, path, { headers, body, credential }, controller) {
    this.closed.throwIfAborted();
    const sent = new Headers(headers);
    if (credential !== null) sent.set("Authorization", `Bearer ${credential}`);
    const version = this.#customerVersion();
    if (version !== null) sent.set("X-Customer-Version", String(version));
    if (body !== undefined) sent.set("Content-Type", "application/json");
    return new Request(this.#base + path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: controller.signal,
      cache: "no-store",
      credentials: "omit",
      redirect: "manual", // following would carry the credential to whoever is named
    });
  }

  /** The request is well formed by then: all that goes wrong now is the way to the server. */
  #dispatch(request) {
    return arrived(this.#fetch(request), new URL(request.url).pathname);
  }

  /** Wait before the next try: as the server says, else longer and longer, never in step with others. */
  #pause(attempt, retryAfterSeconds) {
    const wanted = this.#pauseSeconds * 2 ** attempt * (0.5 + Math.random() / 2);
    return pause(Math.min(Math.max(wanted, retryAfterSeconds), LONGEST_PAUSE_SECONDS), this.closed);
  }
}

/** What tells who asks: a text for good, what `getToken` answers until the server says 401, or nothing (null). */
export class Credential {
  #text;
  #getToken;
  #asking = null;

  constructor(text, getToken) {
    this.#text = text;
    this.#getToken = getToken;
  }

  /** Return the credential; callers share one call of `getToken`. */
  async get() {
    if (this.#text !== null || this.#getToken === undefined) return this.#text;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask() {
    let token;
    try {
      token = await this.#getToken();
    } catch (cause) {
      throw new TokenUnavailable(`get_token failed: ${cause?.message ?? cause}.`, { code: "token_unavailable", cause });
    }
    if (typeof token !== "string" || token === "") throw new TypeError("get_token must answer a token");
    this.#text = token;
    return token;
  }

  /** Forget a dead token, and tell whether another can be had. */
  forget(dead) {
    if (!this.#getToken) return false;
    if (this.#text === dead) this.#text = null;
    return true;
  }
}

/** Wait for something of an answer to `what`; throws `ConnectionLost` if it does not come, or not whole. */
export async function arrived(promise, what) {
  try {
    return await promise;
  } catch (cause) {
    throw new ConnectionLost(`${what} got no answer.`, { code: "connection_lost", cause });
  }
}

/** Read an answer with `kind`; throws `UnreadableAnswer` where it lacks what every answer has. */
export function understood(kind, document) {
  try {
    return kind(document);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    const detail = `The answer is not as expected: ${cause.message}.`;
    throw new UnreadableAnswer(detail, { code: "unreadable_answer", cause });
  }
}

/** Return `document` if it has all these members; throws what `understood` reads. */
export function having(document, ...names) {
  for (const name of names) {
    if (document === null || typeof document !== "object" || !(name in document)) throw new TypeError(`no ${name}`);
  }
  return document;
}

/** Freeze a document through and through: what is answered may be shared with the cache. */
export function frozen(value) {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

/** Drop what is not given. */
export function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
}

/** Return 24 random characters; `crypto.randomUUID` is missing on pages that did not come by https. */
export function randomText() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** Wait so many seconds, or throw the reason of a signal as soon as one is aborted. */
export function pause(seconds, ...signals) {
  const heard = signals.filter((signal) => signal !== undefined);
  return new Promise((resolve, reject) => {
    const end = (settle) => {
      clearTimeout(timer);
      for (const signal of heard) signal.removeEventListener("abort", stop);
      settle();
    };
    const stop = (event) => end(() => reject(event.target.reason));
    const timer = setTimeout(() => end(resolve), seconds * 1000);
    for (const signal of heard) {
      if (signal.aborted) stop({ target: signal });
      signal.addEventListener("abort", stop);
    }
  });
}

/** Whether asking once more can change the answer, soon enough. */
function mayHelp(failure) {
  if (!(failure instanceof StorefrontError) || failure instanceof GatewayRefused) return false;
  if ((failure.retry_after_seconds ?? 0) > LONGEST_PAUSE_SECONDS) return false;
  return failure instanceof ConnectionLost || failure instanceof InFlight || RETRIED.has(failure.status);
}

async function read(response, path) {
  const { status, headers } = response;
  const request_id = headers.get("X-Request-Id");
  const isJson = isOf(response, "json");
  if (!isJson) await response.body?.cancel();
  const document = isJson ? parsed(await arrived(response.text(), path)) : null;
  if (status >= 400) {
    const wait = headers.get("Retry-After") ?? "";
    const retry_after_seconds = /^\d+$/.test(wait) ? Number(wait) : null;
    throw errorFrom(status, document ?? {}, { request_id, retry_after_seconds });
  }
  if (status !== 204 && status !== 304 && !(status >= 200 && status < 300 && document)) {
    const kind = headers.get("Content-Type") ?? "no content";
    const detail = `Status ${status} with ${kind} is no answer of a shop.`;
    throw new UnreadableAnswer(detail, { code: "unreadable_answer", status, request_id });
  }
  return new Reply(status, document ?? {}, headers);
}

function parsed(text) {
  try {
    const document = text ? JSON.parse(text) : null;
    return typeof document === "object" && !Array.isArray(document) ? document : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null; // told as unreadable, or by its status
    throw error;
  }
}

function isOf(response, kind) {
  return (response.headers.get("Content-Type") ?? "").includes(kind);
}

function asQuery(query) {
  const text = new URLSearchParams(given(query)).toString();
  return text ? `?${text}` : "";
}

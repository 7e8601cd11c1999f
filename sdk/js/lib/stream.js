/** Live changes: server-sent events read from the body of a fetch, which can carry the Authorization header. */

import { Forbidden, Invalid, NotFound, Unauthorized, UnreadableAnswer } from "./errors.js";
import { arrived, pause } from "./transport.js";

const FIRST_PAUSE_SECONDS = 1;
const LONGEST_PAUSE_SECONDS = 30;
/** The server says something every ten seconds: a line that is silent for longer is dead. */
const SILENT_SECONDS = 35;
const MOST_DOUBLINGS = 5;
const HOPELESS = [Unauthorized, Forbidden, Invalid, NotFound];

/** Follows a customer's changes and calls `told` with each new state: none twice, and the last one never missed. */
export class Changes {
  #transport;
  #own;
  #cache;
  #told;
  #report;
  #unit;
  #ending = null;
  #version = null;

  /** `reconnectSeconds` is the first pause before the line is tried again. */
  constructor(transport, own, cache, { told, report, reconnectSeconds = FIRST_PAUSE_SECONDS }) {
    this.#transport = transport;
    this.#own = own;
    this.#cache = cache;
    this.#told = told;
    this.#report = report;
    this.#unit = reconnectSeconds;
  }

  /** Begin to follow, from the state that is held. */
  start() {
    if (this.#ending !== null) return;
    this.#ending = new AbortController();
    this.#version = this.#cache.isFetched ? this.#cache.document.version : null;
    this.#run(this.#ending);
  }

  /** Hang up. */
  stop() {
    this.#ending?.abort();
    this.#ending = null;
  }

  async #run(ending) {
    const { signal } = ending;
    for (let failures = 0; !signal.aborted; ) {
      let wait = 0;
      try {
        await this.#follow(signal, () => {
          failures = 0;
        });
        failures = 0;
      } catch (failure) {
        if (signal.aborted) return;
        this.#report(failure);
        if (HOPELESS.some((kind) => failure instanceof kind)) {
          this.#ending = null;
          return;
        }
        failures += 1;
        wait = failure.retry_after_seconds ?? 0;
      }
      await pause(Math.max(reconnectPause(failures, this.#unit), wait), signal).catch(() => undefined); // stopped
    }
  }

  /** Follow until the line ends; `isWell` is called once it has proved its worth: something was told, or it lasts. */
  async #follow(signal, isWell) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    signal.addEventListener("abort", hangUp, { once: true });
    const watch = watchdog(hangUp);
    try {
      // Also where nothing was told yet: else the server goes by the version that was heard of.
      const headers = { "Last-Event-ID": String(this.#version ?? 0) };
      const response = await this.#transport.open("/v1/stream", headers, line);
      let pieces = 0;
      const alive = () => {
        watch.alive();
        pieces += 1;
        if (pieces > 1) isWell();
      };
      for await (const event of readEvents(response.body, alive)) {
        if (event.type !== "change") continue;
        await this.#changed(event.data);
        isWell();
      }
    } finally {
      watch.end();
      line.abort();
      signal.removeEventListener("abort", hangUp);
    }
  }

  /** Tell of a change once its state is held; until then the server is asked to tell of it again. */
  async #changed(data) {
    const version = versionIn(data);
    if (version <= (this.#version ?? -1)) return;
    const cache = this.#cache;
    cache.note(version);
    if (!cache.isFetched || cache.document.version < version) cache.invalidate();
    const state = await this.#own.get("cached_or_fetched");
    if (state.version < version) throw unreadable(`state ${state.version} is older than the change to ${version}`);
    if (state.version <= (this.#version ?? -1) || this.#ending === null) return;
    this.#version = state.version;
    this.#told(state);
  }
}

/** Return how long to wait before the line is tried again: from `unit` to 30 times that, never in step with others. */
export function reconnectPause(failures, unit = FIRST_PAUSE_SECONDS, random = Math.random) {
  const most = (LONGEST_PAUSE_SECONDS / FIRST_PAUSE_SECONDS) * unit;
  return Math.min(unit * 2 ** Math.min(failures, MOST_DOUBLINGS), most) * (0.5 + random() / 2);
}

/** Yield the events of a stream as the HTML standard reads them; `alive` is called for every piece that arrives. */
export async function* readEvents(body, alive = () => undefined) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { type: "message", data: [], id: "" };
  try {
    for (;;) {
      const { done, value } = await arrived(reader.read(), "the stream");
      if (done) return; // an event without its blank line is none
      alive();
      // A "\r" at the very end may be the first half of a line's end.
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line !== "") take(event, line);
        else {
          if (event.data.length) yield { ...event, data: event.data.join("\n") };
          event = { type: "message", data: [], id: event.id };
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined); // the line is gone already
  }
}

function take(event, line) {
  const at = line.indexOf(":");
  const name = at < 0 ? line : line.slice(0, at);
  const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
  if (name === "data") event.data.push(value);
  if (name === "event") event.type = value;
  if (name === "id") event.id = value;
}

function watchdog(bark) {
  let timer = setTimeout(bark, SILENT_SECONDS * 1000);
  return {
    alive: () => {
      clearTimeout(timer);
      timer = setTimeout(bark, SILENT_SECONDS * 1000);
    },
    end: () => clearTimeout(timer),
  };
}

function versionIn(data) {
  let version;
  try {
    ({ version } = JSON.parse(data));
  } catch (cause) {
    if (!(cause instanceof SyntaxError) && !(cause instanceof TypeError)) throw cause;
  }
  if (!Number.isInteger(version)) throw unreadable("a change without a version");
  return version;
}

function unreadable(what) {
  return new UnreadableAnswer(`The stream is not as expected: ${what}.`, { code: "unreadable_answer" });
}

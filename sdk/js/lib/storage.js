/** Where states are kept between runs: anything with `get(key)` and `set(key, text)`, which may answer promises. */

/** Keeps texts as long as this object lives. */
export class MemoryStorage {
  #texts = new Map();

  /** Return what was kept under a key, or null. */
  get(key) {
    return this.#texts.get(key) ?? null;
  }

  /** Keep a text in place of what was there. */
  set(key, text) {
    this.#texts.set(key, text);
  }
}

/** Keeps texts in a browser's `localStorage`, whose `setItem` replaces a text whole or not at all. */
export class BrowserStorage {
  #area;

  /** Throws a `SecurityError` where the browser lets this page keep nothing. */
  constructor(area = globalThis.localStorage) {
    if (!area) throw new TypeError("there is no localStorage here");
    this.#area = area;
  }

  get(key) {
    return this.#area.getItem(key);
  }

  /** Throws a `QuotaExceededError` where it is full; what was there stays. */
  set(key, text) {
    this.#area.setItem(key, text);
  }
}

// The queue looks at itself again every few seconds; a sign-in link fills in its own code. Only textContent is written.

import { themeSwitch } from "../static/pages/visit.js";

themeSwitch();
const EVERY_MS = 3000, TELL_EVERY_MS = 10000;

// The code stands behind the #, so it reached no log; it leaves the address bar before anything else happens.
const form = document.querySelector("[data-sign-in]");
if (form) {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    history.replaceState(null, "", location.pathname);
    form.elements.code.value = code;
    form.querySelector("[data-code]").hidden = true;
    form.querySelector("[data-asks]").textContent = "This signs you in on this device. The link works once.";
  }
}

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      document.querySelector("[data-copied]").textContent = "Copied.";
    });
  }
}

const make = (kind, name, text) => {
  const made = document.createElement(kind);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};

const OF_SHOWN = [["block", "Block sender"]];
const OF_QUEUED = [["name_only", "Name only"], ...OF_SHOWN];
const OF_HELD = [["approve", "Show it"], OF_QUEUED[0], ["reject", "Don’t show it"], ...OF_SHOWN];

function judging(row, choices, list) {
  const acts = make("form", "row__acts");
  acts.method = "post";
  acts.action = list.dataset.action;
  for (const [name, value] of [["csrf", list.dataset.csrf], ["sequence", String(row.sequence)]]) {
    const field = make("input", "");
    Object.assign(field, { type: "hidden", name, value });
    acts.append(field);
  }
  for (const [value, words] of choices) {
    const button = make("button", `btn btn--row${value === "block" ? " btn--bad" : ""}`, words);
    Object.assign(button, { type: "submit", name: "verdict", value });
    button.append(make("span", "visually-hidden", ` (${row.name}, ${row.amount})`));
    acts.append(button);
  }
  return acts;
}

function rowOf(row) {
  const made = make("li", row.on_screen ? "row row--on" : "row");
  made.dataset.sequence = String(row.sequence);
  const sum = make("span", "row__sum"), name = make("span", "row__name user-text");
  sum.append(make("bdi", "", row.amount));
  name.append(make("bdi", "", row.name));
  made.append(sum, name, make("span", "row__says", row.says));
  if (row.message) {
    const message = make("span", "row__message user-text", row.message);
    message.dir = "auto";
    made.append(message);
  }
  return made;
}

function queueRow(row, list) {
  const made = rowOf(row);
  if (row.test) return made;
  const more = make("details", "row__more"), summary = make("summary", "", "More");
  summary.append(make("span", "visually-hidden", ` for ${row.name}, ${row.amount}`));
  more.append(summary, judging(row, row.on_screen ? OF_SHOWN : OF_QUEUED, list));
  made.append(more);
  return made;
}

function heldRow(row, list) {
  const made = rowOf(row);
  made.querySelector(".row__says").classList.add("badge", "badge--play");
  made.append(judging(row, OF_HELD, list));
  return made;
}

const control = document.querySelector("[data-control]");
if (control) {
  const find = (name) => control.querySelector(`[data-${name}]`);
  let before = "", toldAt = 0;
  const tell = (words) => {
    if (performance.now() - toldAt < TELL_EVERY_MS || find("told").textContent === words) return;
    find("told").textContent = words; // for those who hear the page
    toldAt = performance.now();
  };
  const show = (queue) => {
    find("waiting").textContent = queue.waiting;
    const rows = find("rows"), held = find("held");
    // Who has just opened a row, or is pressing a button there, keeps it under their thumb.
    if (!rows.querySelector("details[open]") && !rows.contains(document.activeElement)) {
      rows.replaceChildren(...queue.rows.map((row) => queueRow(row, rows)));
      find("empty").hidden = queue.rows.length > 0;
    }
    if (!held.contains(document.activeElement)) {
      held.replaceChildren(...queue.held.map((row) => heldRow(row, held)));
      find("held-count").textContent = String(queue.held.length);
      find("held-box").hidden = queue.held.length === 0;
    }
    const badge = document.querySelector("[data-connected]");
    badge.textContent = queue.connected ? "Overlay on" : "No overlay connected";
    badge.className = `badge ${queue.connected ? "badge--good" : "badge--bad"}`;
  };
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(control.dataset.control, { cache: "no-store" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return;
      const text = await answer.text(), queue = JSON.parse(text);
      // Another device has pressed a key: the keys are drawn by the server.
      const isSwitched = String(queue.paused) !== control.dataset.paused || String(queue.hidden) !== control.dataset.hidden;
      if (isSwitched) return location.reload();
      if (text !== before) show(queue);
      tell([queue.waiting, queue.held.length ? `${queue.held.length} held for you` : ""].filter(Boolean).join(", "));
      before = text;
    } catch {
      // the server is away: what stands here is asked for again
    }
  };
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
}

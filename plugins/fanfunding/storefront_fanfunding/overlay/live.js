// What every overlay does: exchange its token for a ticket, and hear a stream for as long as it is open.
// No error is ever shown: without a connection the last state stays, and the server is asked again, ever more seldom.
"use strict";

const asked = new URLSearchParams(location.hash.slice(1));
// A widget of another origin names the shop by where it loads this from, and says its token there.
const loader = document.currentScript;
const shop = new URL(loader.src).origin;
const token = loader.dataset.token || asked.get("token") || "";
const SLOWEST = 30000;
let ticket = null;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function post(path, body) {
  return fetch(shop + "/v1/fanfunding/overlay/" + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    credentials: "omit", cache: "no-store",
  });
}

async function newTicket() {
  const answer = await post("ticket", { token });
  if (!answer.ok) throw new Error("no ticket");
  ticket = (await answer.json()).ticket;
}

// Says it until somebody has heard it: an alert that was shown must not be shown again.
async function acknowledge(sequence, state) {
  for (let wait = 1000; ; wait = Math.min(SLOWEST, wait * 2)) {
    try {
      if (ticket === null) await newTicket();
      const answer = await post("ack", { ticket, sequence, state });
      if (answer.ok) return true;
      if (answer.status === 409 || answer.status === 404) return false;
      if (answer.status === 401) ticket = null;
      if (answer.status === 429) {
        await pause(1000 * Math.max(1, Number(answer.headers.get("Retry-After")) || 1));
        wait = 500;
        continue;
      }
    } catch {
      // the server is away
    }
    await pause(wait * (0.5 + Math.random() / 2));
  }
}

function coloured(one, className) {
  const made = document.createElement("span");
  made.className = className;
  if (one.color !== null) made.style.setProperty("--badge", one.color);
  return made;
}

function saidIn(block) {
  const said = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) said[line.slice(0, at)] = line.slice(at + 2);
  }
  return said;
}

async function listen(path, hear) {
  await newTicket();
  const cut = new AbortController();
  // The server says something every ten seconds; silence is a connection that died.
  let silence = setTimeout(() => cut.abort(), 25000);
  const answer = await fetch(shop + "/v1/fanfunding/overlay/" + path, {
    headers: { "Overlay-Ticket": ticket }, credentials: "omit", cache: "no-store", signal: cut.signal,
  });
  if (!answer.ok) throw new Error("no stream");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let kept = ""; ;) {
    const { value, done } = await reader.read();
    clearTimeout(silence);
    if (done) return;
    silence = setTimeout(() => cut.abort(), 25000);
    const blocks = (kept + value).split("\n\n");
    kept = blocks.pop();
    blocks.map(saidIn).filter((said) => "event" in said).forEach((said) => hear(said.event, JSON.parse(said.data)));
  }
}

async function live(path, hear) {
  for (let wait = 1000; ;) {
    const began = performance.now();
    try {
      await listen(path, hear);
    } catch {
      // asked again below
    }
    if (performance.now() - began > SLOWEST) wait = 1000;
    await pause(wait * (0.5 + Math.random() / 2));
    wait = Math.min(SLOWEST, wait * 2);
  }
}

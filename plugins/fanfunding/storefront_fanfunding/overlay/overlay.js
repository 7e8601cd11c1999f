// Shows a creator's alerts over a stream. Nothing but textContent is ever written, and no error either:
// without a connection the last state stays, and the server is asked again, ever more seldom.
"use strict";

const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
const box = document.getElementById("alert");
const SLOWEST = 30000;
let ticket = null;
let current = null; // {sequence, timer, hasBegun}
let waitsHidden = null; // an alert that came while the source was hidden
let isVisible = true;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function post(path, body) {
  return fetch("/v1/fanfunding/overlay/" + path, {
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

const SOUNDS = {
  chime: [[880, 0], [1320, 0.12]], coin: [[988, 0], [1319, 0.07]], bell: [[660, 0]], pop: [[300, 0]],
  fanfare: [[523, 0], [659, 0.13], [784, 0.26], [1047, 0.39]],
};

function play(name) {
  if (!(name in SOUNDS)) return;
  const audio = new AudioContext();
  for (const [pitch, at] of SOUNDS[name]) {
    const tone = audio.createOscillator(), loudness = audio.createGain(), from = audio.currentTime + at;
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.2, from);
    loudness.gain.exponentialRampToValueAtTime(0.001, from + 0.5);
    tone.connect(loudness).connect(audio.destination);
    tone.start(from);
    tone.stop(from + 0.5);
  }
  setTimeout(() => audio.close(), 1500);
}

function clear() {
  if (current !== null) clearTimeout(current.timer);
  current = null;
  waitsHidden = null;
  box.hidden = true;
}

function draw(alert) {
  document.getElementById("name").textContent = alert.name === null ? "Someone kind" : alert.name;
  document.getElementById("message").textContent = alert.message;
  const sum = document.getElementById("sum");
  sum.textContent = alert.words;
  sum.className = alert.words.length > 8 ? "long" : "";
  box.className = "ticket " + (["card", "banner", "burst"].includes(alert.template) ? alert.template : "card");
  box.dataset.sequence = String(alert.sequence);
  box.hidden = false;
}

function show(alert) {
  const isSame = current !== null && current.sequence === alert.sequence;
  if (isSame && (alert.state === "shown" || !current.hasEnded)) return;
  clear();
  if (!isVisible) {
    waitsHidden = alert;
    return;
  }
  const now = { sequence: alert.sequence, timer: 0, hasEnded: false };
  current = now;
  draw(alert);
  const begun = alert.state === "shown" ? Promise.resolve(true) : acknowledge(alert.sequence, "shown");
  if (alert.state !== "shown") play(alert.sound);
  now.timer = setTimeout(async () => {
    now.hasEnded = true;
    if (current === now) box.hidden = true;
    if (await begun) await acknowledge(alert.sequence, "done");
  }, alert.left_ms);
}

function hear(block) {
  const said = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) said[line.slice(0, at)] = line.slice(at + 2);
  }
  if (said.event === "alert") show(JSON.parse(said.data));
  if (said.event === "clear") clear();
}

async function listen() {
  await newTicket();
  const cut = new AbortController();
  // The server says something every ten seconds; silence is a connection that died.
  let silence = setTimeout(() => cut.abort(), 25000);
  const answer = await fetch("/v1/fanfunding/overlay/stream", {
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
    blocks.forEach(hear);
  }
}

async function live() {
  for (let wait = 1000; ;) {
    const began = performance.now();
    try {
      await listen();
    } catch {
      // asked again below
    }
    if (performance.now() - began > SLOWEST) wait = 1000;
    await pause(wait * (0.5 + Math.random() / 2));
    wait = Math.min(SLOWEST, wait * 2);
  }
}

addEventListener("obsSourceVisibleChanged", (event) => {
  isVisible = event.detail.visible;
  if (isVisible && waitsHidden !== null) {
    const alert = waitsHidden;
    waitsHidden = null;
    show(alert);
  }
});
live();

// Shows a creator's alerts over a stream. Nothing but textContent is ever written.
"use strict";

const box = document.getElementById("alert");
let current = null; // {sequence, timer, hasBegun}
let waitsHidden = null; // an alert that came while the source was hidden
let isVisible = true;

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

function badge(one) {
  const made = coloured(one, "badge");
  made.textContent = one.title;
  return made;
}

function draw(alert) {
  document.getElementById("name").textContent = alert.name === null ? "Someone kind" : alert.name;
  document.getElementById("message").textContent = alert.message;
  document.getElementById("badges").replaceChildren(...alert.badges.map(badge));
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

function hear(event, said) {
  if (event === "alert") show(said);
  if (event === "clear") clear();
}

addEventListener("obsSourceVisibleChanged", (event) => {
  isVisible = event.detail.visible;
  if (isVisible && waitsHidden !== null) {
    const alert = waitsHidden;
    waitsHidden = null;
    show(alert);
  }
});
live("stream", hear);

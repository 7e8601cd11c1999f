// Shows a creator's alerts over a stream. Nothing but textContent is ever written.
"use strict";

const box = document.getElementById("alert");
let current = null; // {sequence, timer}
let over = null; // the last alert that was shown to its end: the server may not have heard of it yet
let waitsHidden = null; // an alert that came while the source was hidden
let isVisible = true;

function clear() {
  if (current !== null) clearTimeout(current.timer);
  current = null;
  waitsHidden = null;
  box.hidden = true;
}

function draw(alert) {
  drawTicket(box, alert);
  box.dataset.sequence = String(alert.sequence);
  box.hidden = false;
}

function show(alert) {
  const isOn = current !== null && current.sequence === alert.sequence;
  const wasOn = over !== null && over.sequence === alert.sequence && (alert.state === "shown" || over.since === alert.since);
  if (isOn || wasOn) return;
  clear();
  if (!isVisible) {
    waitsHidden = alert;
    return;
  }
  const now = { sequence: alert.sequence, timer: 0 };
  current = now;
  draw(alert);
  const begun = alert.state === "shown" ? Promise.resolve(true) : acknowledge(alert.sequence, "shown");
  if (alert.state !== "shown") play(alert.sound);
  now.timer = setTimeout(async () => {
    over = { sequence: alert.sequence, since: alert.since };
    if (current === now) clear();
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

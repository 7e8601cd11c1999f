// Lets a custom widget that was written for StreamElements run on this shop's alerts. It hears what it knows:
// onWidgetLoad once, onEventReceived for each tip, onSessionUpdate with the sums since it was opened.
// Load live.js before it. Shapes: StreamElements' documentation, "Custom widget events".
"use strict";

const session = {
  "tip-latest": { name: "", amount: 0, message: "" },
  "tip-session": { amount: 0 },
  "tip-session-top-donation": { name: "", amount: 0, message: "" },
  "tip-count": { count: 0 },
};
const fields = JSON.parse(loader.dataset.fields || "{}");
let onScreen = null; // {sequence, since, end}

const tell = (name, detail) => dispatchEvent(new CustomEvent(name, { detail }));

function decimal({ amount, currency }) {
  if (!/^[A-Z]{3}$/.test(currency)) return amount; // one of the shop's own
  const { maximumFractionDigits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return amount / 10 ** maximumFractionDigits;
}

function eventOf(alert) {
  const amount = alert.amount === null ? 0 : decimal(alert.amount);
  return {
    type: "tip", originalEventName: "tip-latest", name: alert.name === null ? "Anonymous" : alert.name, amount,
    currency: alert.amount === null ? "" : alert.amount.currency, message: alert.message, tier: alert.tier,
    count: 1, isTest: alert.test, sessionTop: amount > session["tip-session-top-donation"].amount,
  };
}

async function begin(alert) {
  const now = { sequence: alert.sequence, since: alert.since };
  now.ended = new Promise((resolve) => { now.end = resolve; });
  onScreen = now;
  if (alert.state !== "shown" && !(await acknowledge(alert.sequence, "shown"))) return;
  const event = eventOf(alert);
  tell("onEventReceived", { listener: "tip-latest", event });
  if (!alert.test) {
    const { name, amount, message } = event;
    session["tip-latest"] = { name, amount, message };
    session["tip-session"].amount += amount;
    session["tip-count"].count += 1;
    if (event.sessionTop) session["tip-session-top-donation"] = { name, amount, message };
    tell("onSessionUpdate", { session });
  }
  await Promise.race([pause(alert.left_ms), now.ended]);
  now.isOver = true;
  await acknowledge(alert.sequence, "done");
}

// The stream tells an alert again after a cut, and until the server knows that it is shown; a replay is another time.
function isKnown(alert) {
  return onScreen !== null && onScreen.sequence === alert.sequence
    && (alert.state === "shown" || !onScreen.isOver || onScreen.since === alert.since);
}

// What is hidden, skipped or taken back while it is on screen: as StreamElements tells a widget of "skip alert".
function cutShort() {
  if (onScreen === null || onScreen.isOver) return;
  tell("onEventReceived", { listener: "event:skip", event: {} });
  onScreen.end();
}

// A widget that is done before its time says so.
window.SE_API = { resumeQueue: () => onScreen !== null && onScreen.end() };

addEventListener("load", () => {
  const code = loader.dataset.currency || "USD";
  const parts = new Intl.NumberFormat("en", { style: "currency", currency: code }).formatToParts(0);
  const name = new Intl.DisplayNames("en", { type: "currency" }).of(code);
  const currency = { code, name, symbol: parts.find((part) => part.type === "currency").value };
  tell("onWidgetLoad", { session: { data: session }, recents: [], currency, channel: {}, fieldData: fields,
                         overlay: { isEditorMode: false, muted: false } });
  live("stream", (told, alert) => {
    if (told === "alert" && !isKnown(alert)) begin(alert);
    if (told === "clear") cutShort();
  });
});

// How an alert looks and sounds, on stream and in the gallery. Nothing but textContent is ever written.
"use strict";

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

// Black or white letters, whichever can be read better on a colour (WCAG's relative luminance).
function lettersOn(color) {
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#150f00" : "#ffffff";
}

function badge(one) {
  const made = coloured(one, "badge");
  made.textContent = one.title;
  return made;
}

function drawTicket(box, alert) {
  const part = (name) => box.querySelector("." + name);
  part("name").textContent = alert.name === null ? "Someone kind" : alert.name;
  part("message").textContent = alert.message;
  part("badges").replaceChildren(...alert.badges.map(badge));
  const sum = part("sum");
  sum.textContent = alert.words;
  sum.classList.toggle("long", alert.words.length > 8);
  box.className = "ticket " + (["card", "banner", "burst"].includes(alert.template) ? alert.template : "card");
  for (const [name, value] of [["--ticket", alert.color], ["--letters", alert.color && lettersOn(alert.color)]]) {
    if (value) box.style.setProperty(name, value);
    else box.style.removeProperty(name);
  }
}

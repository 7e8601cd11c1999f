// Draws every alert that a creator's file describes, one below the other, with what it sounds like.
"use strict";

const all = document.getElementById("all"), says = document.getElementById("says");

function drawn(sample) {
  const section = document.getElementById("one").content.cloneNode(true).querySelector("section");
  section.querySelector("h2").textContent = sample.title;
  section.querySelector(".facts").textContent = sample.facts;
  drawTicket(section.querySelector(".ticket"), sample.alert);
  const sound = section.querySelector("button");
  sound.hidden = !(sample.alert.sound in SOUNDS);
  sound.setAttribute("aria-label", "Play the sound of " + sample.title);
  sound.addEventListener("click", () => play(sample.alert.sound));
  return section;
}

const scene = document.getElementById("scene");
scene.addEventListener("click", () => {
  const isDark = document.body.classList.toggle("is-dark");
  scene.setAttribute("aria-pressed", String(isDark));
});

async function show() {
  try {
    await newTicket();
    const answer = await fetch("/v1/fanfunding/overlay/preview", {
      headers: { "Overlay-Ticket": ticket }, credentials: "omit", cache: "no-store",
    });
    if (!answer.ok) throw new Error("no preview");
    const { data } = await answer.json();
    all.replaceChildren(...data.map(drawn));
    says.textContent = data.length === 1 ? "One look." : data.length + " looks, as your file has them now.";
    document.getElementById("scenes").hidden = false;
  } catch {
    says.textContent = "This link does not work, or the shop cannot be reached. Make a new link on your control page, or try again.";
  }
}
show();

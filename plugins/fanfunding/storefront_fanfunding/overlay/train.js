// Shows the hype train that runs now: its level, how far the next one is, the time that is left, and who rides along.
"use strict";

const TICKS = 40;
const box = document.getElementById("train");
const write = (id, words) => { document.getElementById(id).textContent = words; };
let endsAt = 0;

function part(className, words) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = words;
  return made;
}

function wagon(words) {
  const made = part("wagon", "");
  const name = document.createElement("bdi");
  name.className = "wagon__name";
  name.textContent = words;
  made.append(name, part("wagon__wheel", ""), part("wagon__wheel is-last", ""));
  return made;
}

const ticks = Array.from({ length: TICKS }, () => part("tick", ""));
document.getElementById("ticks").append(...ticks);

function count() {
  const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  write("left", Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0"));
  if (seconds === 0) box.hidden = true;
}

live("stream/train", (event, said) => {
  const train = said.train;
  box.hidden = train === null;
  if (train === null) return;
  endsAt = performance.now() + said.left_ms;
  const isLast = train.level === train.levels;
  write("level", "Level " + train.level);
  write("aim", train.percent + "% " + (isLast ? "of the last level" : "to level " + (train.level + 1)));
  document.getElementById("ticks").setAttribute("aria-valuenow", String(train.percent));
  ticks.forEach((tick, at) => tick.classList.toggle("is-lit", at < Math.floor(train.percent * TICKS / 100)));
  const wagons = train.riders.map((name) => wagon(name === null ? "Someone kind" : name));
  if (train.more > 0) wagons.push(wagon("+" + train.more));
  document.getElementById("wagons").replaceChildren(...wagons);
  count();
});
setInterval(count, 500);

// Shows who gave a creator most: today, or in the `span` (month, all) and `currency` that the link names behind the #.
"use strict";

const box = document.getElementById("board");
const HEADS = { day: "Today’s kindest", month: "This month’s kindest", all: "Kindest of all" };

function part(tag, className, words) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  return made;
}

function mark(one) {
  const made = coloured(one, "mark");
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", one.title);
  return made;
}

const query = new URLSearchParams([...asked].filter(([name]) => name === "span" || name === "currency"));
live("stream/leaderboard?" + query, (event, said) => {
  box.hidden = said.data.length === 0;
  if (box.hidden) return;
  document.getElementById("head").textContent = HEADS[said.span];
  document.getElementById("lines").replaceChildren(...said.data.map((one) => {
    const line = part("li", one.rank === 1 ? "line is-first" : "line", "");
    const badges = part("span", "badges", "");
    badges.append(...one.badges.map(mark));
    line.append(
      part("span", "line__rank", String(one.rank)),
      part("bdi", "line__name", one.name === null ? "Someone kind" : one.name),
      badges,
      part("b", "line__sum", one.words),
    );
    return line;
  }));
});

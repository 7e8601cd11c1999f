// The script of a page that works by plain forms: it signs in from the link that the game opened, and switches the theme.

import { localTimes, menus, signIn, themeSwitch } from "./visit.js";

const top_ = document.querySelector("[data-shop]");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) signIn(token, { shopUrl: top_.dataset.shop, csrf: top_.dataset.csrf, tell });
// News is told once: a reload or a link kept shows the page as it is. While the page waits, its address says for what.
else if (document.querySelector("[data-news] [data-note]") && !document.querySelector("[data-waits]")) history.replaceState(null, "", location.pathname);
localTimes();
themeSwitch();
menus();

// A page that the browser kept while its reader was elsewhere shows what was.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

function tell(text) {
  const element = document.getElementById("note-bad").content.firstElementChild.cloneNode(true);
  element.querySelector("[data-text]").textContent = text;
  document.querySelector("[data-news]").replaceChildren(element);
  element.scrollIntoView({ block: "nearest" });
}

// The script of a page that works by plain forms: it signs in from the link that the game opened, and switches the theme.

import { localTimes, menus, signIn, themeSwitch } from "./visit.js";

const top_ = document.querySelector("[data-shop]");
// News is told once: a reload or a link kept shows the page as it is. While the page waits, its address says for what.
if (!takeLink() && document.querySelector("[data-news] [data-note]") && !document.querySelector("[data-waits]")) history.replaceState(null, "", location.pathname);
localTimes();
themeSwitch();
menus();

// A link that is opened where the page stands already changes the fragment alone.
window.addEventListener("hashchange", takeLink);

// A page that the browser kept while its reader was elsewhere shows what was.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

function takeLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) signIn(token, { shopUrl: top_.dataset.shop, csrf: top_.dataset.csrf, tell });
  return Boolean(token);
}

function tell(text) {
  const element = document.getElementById("note-bad").content.firstElementChild.cloneNode(true);
  element.querySelector("[data-text]").textContent = text;
  document.querySelector("[data-news]").replaceChildren(element);
  element.scrollIntoView({ block: "nearest" });
}

// The console works by plain forms and links. This fills in a sign-in link's code, words instants in the reader's zone,
// and looks again at what changes by itself: at most every ten seconds, never while somebody types there.

import { themeSwitch } from "../pages/visit.js";

const EVERY_MS = 10000;
if (document.querySelector("[data-theme-switch]")) themeSwitch();
shortTimes(document);
takeLink();
addEventListener("hashchange", takeLink); // the link was opened in a tab that showed this page already
lookAgain();

// The code stands behind the #, so it reached no log; it leaves the address bar before anything else happens.
function takeLink() {
  const box = document.querySelector("[data-link]");
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!box || !code) return;
  history.replaceState(null, "", location.pathname + location.search);
  const form = box.querySelector("form");
  form.elements.code.value = code;
  form.querySelector("[data-code]").hidden = true;
  form.querySelector("[data-asks]").textContent = "This signs you in on this device. The link works once.";
  form.querySelector("button").classList.add("btn--fill");
  box.open = true;
  document.querySelector("[data-with-password]").hidden = true;
}

function shortTimes(root) {
  const words = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const older = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  for (const time of root.querySelectorAll("time[data-short]")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = (Math.abs(Date.now() - at) > 300 * 86400000 ? older : words).format(at);
    time.removeAttribute("data-short");
  }
}

// A document by XMLHttpRequest, not by a string: nothing is ever parsed from text here, which the page's policy forbids.
function lookAgain() {
  if (!document.querySelector("[data-live]")) return;
  setInterval(() => {
    const box = document.querySelector("[data-live]");
    if (document.hidden || !box || box.contains(document.activeElement) || box.querySelector("details[open]")) return;
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", location.href);
    request.addEventListener("load", () => {
      if (request.status !== 200 || !request.responseXML) return;
      shortTimes(request.responseXML);
      for (const name of ["[data-live]", ".nav"]) replace(name, request.responseXML);
    });
    request.send();
  }, EVERY_MS);
}

function replace(name, found) {
  const now = document.querySelectorAll(name), then = found.querySelectorAll(name);
  if (now.length !== then.length) return;
  now.forEach((element, place) => {
    if (element.textContent === then[place].textContent || element.contains(document.activeElement)) return;
    element.replaceWith(document.importNode(then[place], true));
  });
}

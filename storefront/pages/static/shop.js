// The shop page, made comfortable. Everything here also works by plain forms: this module buys without a change of
// page, says what happened, words times in the reader's zone and signs in from the link that the game opened.

import { localTimes, menus, signIn, themeSwitch } from "./visit.js";

const REFUSED = "We couldn't take that. Nothing was spent. Try again.";
const UNCLEAR = "We don't know yet if this went through. Press again: you will not be charged twice.";
const BUSY = "One moment…";
const TOAST_MS = 6000;

const top_ = document.querySelector("[data-shop]");
const shopUrl = top_.dataset.shop;

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-buy], [data-use]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.getAttribute("aria-disabled") !== "true") submit(form, button);
});

// A page that the browser kept while the customer was at the checkout shows yesterday's wallet and locked buttons.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
window.addEventListener("hashchange", () => {
  start();
  if (location.hash === "#play-as-name") document.getElementById("play-as-name")?.focus();
});

start();
localTimes();
themeSwitch();
menus();

function start() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) signIn(token, { shopUrl, csrf: top_.dataset.csrf, tell: (text) => news(note("bad", text)) });
  else markPlace();
  // The news is told once: a reload or a link kept shows the shop. While the page waits, its address says for what.
  if (location.search && !document.querySelector("[data-waits]")) history.replaceState(null, "", location.pathname + location.hash);
}

async function submit(form, button) {
  const place = placeOf(form);
  const unlock = lock(button);
  clearNotes();
  let answer;
  try {
    answer = await post(form);
  } catch {
    unlock();
    tell(place, note("bad", UNCLEAR));
    return;
  }
  if (answer.redirect_url && leave(answer.redirect_url)) return;
  if (answer.status === "unanswered") {
    // The form keeps its idempotency key: the next press continues what this one began.
    unlock();
    tell(place, note("bad", answer.notice));
    return;
  }
  // Every other answer is final for its key: the fresh page brings new keys, the new balance and inventory.
  const isFresh = await refresh(place).catch(() => false);
  if (!isFresh) unlock();
  if (answer.status === "completed") toast(answer.notice, answer.see !== false);
  else if (answer.status === "pending") tell(place, note("info", answer.notice));
  else tell(place, note("bad", answer.notice || REFUSED));
}

// Answers `{status, notice, redirect_url}`; throws when nobody can say what happened.
async function post(form) {
  const response = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams(new FormData(form)),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 500) throw new Error("status 500");
  const isFinal = response.status < 500 || answer.code === "gateway_refused";
  return { ...answer, status: isFinal ? "refused" : "unanswered" };
}

function leave(url) {
  const target = new URL(url, location.href);
  if (!["https:", "http:"].includes(target.protocol)) return false;
  location.assign(target.href);
  return true;
}

function lock(button) {
  const label = button.querySelector("[data-label]");
  const text = label.textContent;
  button.style.inlineSize = `${button.offsetWidth}px`;
  button.setAttribute("aria-disabled", "true");
  button.setAttribute("aria-busy", "true");
  label.textContent = BUSY;
  if (button.scrollWidth > button.offsetWidth) label.textContent = "…";
  return () => {
    label.textContent = text;
    button.removeAttribute("aria-disabled");
    button.removeAttribute("aria-busy");
    button.style.inlineSize = "";
  };
}

// Fetches the page again and swaps what a purchase can change. Answers whether it did.
async function refresh(place) {
  const fresh = await getDocument(shopUrl);
  const parts = ["main", ".top__me"].map((part) => [document.querySelector(part), fresh.querySelector(part)]);
  if (!parts.every(([, part]) => part)) {
    location.reload();
    return true;
  }
  for (const [old, part] of parts) old.replaceWith(document.adoptNode(part));
  top_.dataset.csrf = fresh.querySelector("[data-csrf]").dataset.csrf;
  for (const field of document.querySelectorAll("input[name=csrf]")) field.value = top_.dataset.csrf;
  localTimes();
  const spot = find(place);
  const target = spot?.querySelector("summary.yours__row, button") ?? spot?.querySelector("h2, h3") ?? document.getElementById("yours-title");
  target?.focus({ preventScroll: true });
  return true;
}

// XMLHttpRequest parses HTML by itself and runs nothing in it, so the page needs no Trusted Types policy.
function getDocument(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject(new Error(`status ${request.status}`)));
    request.onerror = () => reject(new Error("no connection"));
    request.send();
  });
}

function placeOf(form) {
  const owner = form.closest("[data-card], [data-owned]");
  return owner ? { ...owner.dataset } : {};
}

function find({ card, owned }) {
  const selector = card ? `[data-card="${CSS.escape(card)}"]` : owned ? `[data-owned="${CSS.escape(owned)}"]` : "";
  return selector ? document.querySelector(selector) : null;
}

function clearNotes() {
  for (const old of document.querySelectorAll("[data-note]")) old.remove();
}

function note(tone, text) {
  const element = document.getElementById(`note-${tone}`).content.firstElementChild.cloneNode(true);
  element.querySelector("[data-text]").textContent = text;
  return element;
}

function tell(place, element) {
  const spot = place.card && document.querySelector(`[data-notes-for="${CSS.escape(place.card)}"]`);
  if (!spot) return news(element);
  spot.replaceChildren(element);
  element.scrollIntoView({ block: "nearest" });
}

function news(element) {
  document.querySelector("[data-news]").replaceChildren(element);
  element.scrollIntoView({ block: "nearest" });
}

// News only, never an error. Stays six seconds, and for as long as it is read: under the pointer or the focus.
function toast(text, isSeen) {
  if (!text) return;
  const element = document.getElementById("toast").content.firstElementChild.cloneNode(true);
  element.querySelector("[data-text]").textContent = text;
  if (!isSeen) element.querySelector("[data-see]").remove();
  document.getElementById("toasts").replaceChildren(element);
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (element.matches(":hover, :focus-within") ? wait() : element.remove()), TOAST_MS);
  };
  element.addEventListener("pointerleave", wait);
  element.addEventListener("focusout", wait);
  element.querySelector("[data-see]")?.addEventListener("click", () => element.remove());
  wait();
}

function markPlace() {
  const links = [...document.querySelectorAll(".top__nav a[href^='#']")];
  const here = links.find((link) => link.hash === location.hash) ?? links[0];
  for (const link of links) link.toggleAttribute("aria-current", false);
  here?.setAttribute("aria-current", "true");
}

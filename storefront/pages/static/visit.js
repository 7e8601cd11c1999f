// What every page of the shop does for its visitor: signs in from the link that the game opened, words times in the
// reader's zone, switches the theme, closes menus.

const DEAD_LINK = "This link no longer works. Open the shop from the game again.";

// The token leaves the address bar before anything else happens, so that it is not copied, bookmarked or shown on stream.
export async function signIn(token, { shopUrl, csrf, tell }) {
  history.replaceState(null, "", location.pathname + location.search);
  try {
    const response = await fetch(`${shopUrl}/session`, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ token, csrf }),
    });
    if (response.ok) location.reload();
    else tell(DEAD_LINK);
  } catch {
    tell("The shop could not be reached. Check your connection and reload.");
  }
}

export function localTimes() {
  const words = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  for (const time of document.querySelectorAll("time[data-local]")) {
    time.textContent = `${words.format(new Date(time.dateTime))} your time`;
    time.removeAttribute("data-local");
  }
}

export function themeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const word = () => (button.querySelector("span").textContent = isDark() ? "Light theme" : "Dark theme");
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=${button.dataset.path}; max-age=31536000; samesite=lax`;
    word();
  });
  word();
  button.hidden = false;
}

export function menus() {
  const close = (keep) => {
    for (const menu of document.querySelectorAll("details.me[open]")) if (menu !== keep) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target.closest("details.me")));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.me[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  // On a phone the shop's menu scrolls sideways, and browsers leave a link there that is in sight only by half.
  document.querySelector(".top__nav")?.addEventListener("focusin", (event) => {
    event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

// Locks a form once it is sent, so that an impatient second press sends nothing. The page works without it.
for (const form of document.querySelectorAll("form[data-locks]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const pressed = event.submitter;
    const words = pressed?.querySelector("[data-busy]");
    if (words) {
      pressed.style.inlineSize = `${pressed.offsetWidth}px`;
      words.textContent = words.dataset.busy;
    }
    pressed?.setAttribute("aria-busy", "true");
  });
}
// A page that the browser kept for "back" is whole again.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

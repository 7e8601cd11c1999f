// What the form says while it is filled in. Without this script it says less, and does the same.

import { themeSwitch } from "../static/pages/visit.js";

themeSwitch();
document.querySelector("[data-problem]")?.focus();

const form = document.querySelector("[data-tip]");
if (form) {
  const { locale, currency, digits, chars } = form.dataset;
  const other = form.elements.other;
  const money = new Intl.NumberFormat(locale, { style: "currency", currency });
  const segments = "Segmenter" in Intl ? new Intl.Segmenter(locale, { granularity: "grapheme" }) : null;
  const count = (text) => (segments ? [...segments.segment(text)].length : [...text].length);
  const typed = () => {
    const found = /^\D*?([0-9]{1,12})(?:[.,]([0-9]{1,3}))?\D*$/.exec(other.value.trim());
    return found && (found[2] ?? "").length <= digits ? Number(found[1] + (found[2] ?? "").padEnd(digits, "0")) : null;
  };
  const chosen = () => (other.value.trim() ? typed() : Number(form.querySelector("[name=preset]:checked")?.value ?? 0));
  const show = () => {
    const amount = chosen();
    form.querySelector("[data-sum]").textContent = amount ? money.format(amount / 10 ** digits) : "this amount";
    let most = Number(chars);
    for (const tier of form.querySelectorAll(".tier")) {
      const isLit = amount !== null && amount >= Number(tier.dataset.least);
      tier.toggleAttribute("data-lit", isLit);
      if (isLit) most = Number(tier.dataset.chars);
    }
    const left = most - count(form.elements.message.value.trim());
    form.querySelector("[data-left]").textContent = left < 0 ? `${-left} too many` : `${left} left`;
  };
  form.addEventListener("input", (event) => {
    if (event.target === other && other.value) for (const key of form.querySelectorAll("[name=preset]")) key.checked = false;
    if (event.target.name === "preset") other.value = "";
    show();
  });
  show();
}

const goals = document.querySelector("[data-goals]");
if (goals) {
  const draw = (goal) => {
    const box = goals.querySelector(`[data-goal="${goal.id}"]`);
    if (!box) return;
    box.querySelector("[data-title]").textContent = goal.aim.title;
    box.querySelector("[data-amount]").textContent = goal.words.amount;
    box.querySelector("[data-target]").textContent = goal.words.target;
    const many = goal.campaign ? goal.campaign.backers : goal.tips;
    const noun = goal.campaign ? "backer" : "tip";
    box.querySelector("[data-tips]").textContent = `${many} ${noun}${many === 1 ? "" : "s"} so far`;
    box.querySelector("[data-meter]").setAttribute("aria-valuenow", goal.aim.percent);
    box.querySelector("rect").setAttribute("width", `${goal.aim.percent}%`);
  };
  const { goals: creator, shop: address, language } = goals.dataset;
  let shop = null;
  const look = async () => {
    if (document.hidden) return;
    try {
      // Loaded once the page is there, and only by a page that has goals.
      const { StorefrontClient } = await import("../static/sdk/storefront.js");
      shop ??= new StorefrontClient(address, { public: true, tries: 1 });
      for (const goal of await shop.tips.goals(creator, { language })) draw(goal);
    } catch {
      // What stands there stays; it is asked again.
    }
  };
  setInterval(look, 5000);
}

// Shows how a creator's goal stands: the one that the link names behind the #, else the first that is active.
"use strict";

const box = document.getElementById("goal");
const write = (id, words) => { document.getElementById(id).textContent = words; };

live("stream/goal", (event, said) => {
  const goal = asked.has("goal") ? said.data.find((one) => one.id === asked.get("goal")) : said.data[0];
  box.hidden = goal === undefined;
  if (goal === undefined) return;
  write("title", goal.aim.title);
  write("percent", goal.aim.percent + "%");
  write("amount", goal.words.amount);
  write("target", goal.words.target);
  document.getElementById("pledges").hidden = goal.campaign === null;
  if (goal.campaign) write("backers", goal.campaign.backers + (goal.campaign.backers === 1 ? " backer" : " backers"));
  document.getElementById("bar").setAttribute("aria-valuenow", String(goal.aim.percent));
  document.getElementById("fill").style.width = goal.aim.percent + "%";
  box.classList.toggle("is-reached", goal.aim.percent === 100);
});

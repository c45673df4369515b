"use strict";
const all = (selector, from) => [...(from || document).querySelectorAll(selector)];
document.getElementById("open").addEventListener("click", () => {
  const closed = all("details").filter((one) => !one.open);
  (closed.length ? closed : all("details details")).forEach((one) => { one.open = closed.length > 0; });
});
const field = (name) => (document.getElementById(name) || { value: "" }).value;
const filterRows = () => {
  const words = field("filter").toLowerCase();
  const rows = all("#changes tbody tr");
  rows.forEach((row) => {
    const within = !field("environment") || JSON.parse(row.dataset.environments).includes(field("environment"));
    const kind = !field("kind") || row.dataset.kind === field("kind");
    row.hidden = !(within && kind && row.textContent.toLowerCase().includes(words));
  });
  all("#count").forEach((count) => { count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`; });
};
all("#environment, #kind").forEach((choice) => choice.addEventListener("change", filterRows));
document.getElementById("filter").addEventListener("input", (event) => {
  filterRows();
  const words = event.target.value.toLowerCase();
  all("details li").forEach((entry) => { entry.hidden = !entry.textContent.toLowerCase().includes(words); });
  all("details").reverse().forEach((part) => {
    const shown = all("li", part).some((entry) => !entry.hidden) || part.firstElementChild.textContent.toLowerCase().includes(words);
    part.hidden = !shown;
    if (words && shown) part.open = true;
  });
});
all("svg a").forEach((box) => box.addEventListener("click", (event) => {
  event.preventDefault();
  const name = box.getAttribute("href").slice("#stack-".length);
  const parts = all("details[data-stack]").filter((part) => part.dataset.stack.split(".")[0] === name);
  parts.forEach((part) => { for (let up = part; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true; });
  if (parts.length) parts[0].scrollIntoView({ behavior: "smooth" });
}));

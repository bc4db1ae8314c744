"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll(".plot")];

/* Colors of the page for text and lines; plotly draws them black on white. */
function colors() {
  const style = getComputedStyle(document.documentElement);
  const [ink, grid, line, raised] = ["--ink", "--grid", "--line", "--raised"].map((name) => style.getPropertyValue(name).trim());
  const look = { "font.color": ink, "hoverlabel.bgcolor": raised, "hoverlabel.font.color": ink };
  for (const axis of ["xaxis", "yaxis"]) {
    Object.assign(look, { [`${axis}.gridcolor`]: grid, [`${axis}.linecolor`]: line, [`${axis}.tickcolor`]: line });
  }
  return look;
}

/* Above a narrow figure the legend needs many lines, so it moves below. */
function place(plot) {
  const narrow = plot.clientWidth < 560;
  return narrow
    ? { "legend.yref": "container", "legend.y": 0, "legend.yanchor": "bottom", "font.size": 12 }
    : { "legend.yref": "paper", "legend.y": 1.02, "legend.yanchor": "bottom", "font.size": 13 };
}

function open(id) {
  const target = document.getElementById(id);
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

for (const plot of plots) {
  const figure = JSON.parse(document.getElementById(`${plot.id}-data`).textContent);
  Plotly.newPlot(plot, figure.data, figure.layout, { responsive: true, displayModeBar: false })
    .then(() => Plotly.relayout(plot, { ...colors(), ...place(plot) }));
  plot.on("plotly_click", ({ points: [point] }) => {
    if (typeof point.customdata === "string") location.hash = point.customdata;
  });
}
dark.addEventListener("change", () => plots.forEach((plot) => Plotly.relayout(plot, colors())));
addEventListener("hashchange", () => open(location.hash.slice(1)));
document.addEventListener("click", ({ target }) => {
  const link = target.closest?.("a[href^='#model-']");
  if (link) open(link.hash.slice(1)); // also if the address does not change
});
open(location.hash.slice(1));

for (const button of document.querySelectorAll(".copy button")) {
  button.addEventListener("click", async () => {
    const text = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(text);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

/* The slider: the last choice whose budget is not above the given one, as in nas/reports/picker.py. */
const picker = document.getElementById("picker-data");
if (picker) {
  const { choices, command } = JSON.parse(picker.textContent);
  const [range, number] = ["budget-range", "budget"].map((id) => document.getElementById(id));
  const [name, reason, none, notes, details, line] = ["name", "reason", "none", "notes", "details", "command"].map((id) => document.getElementById(`picked-${id}`));

  const show = (budget) => {
    const choice = choices.findLast((it) => it.budget <= budget);
    name.parentElement.hidden = details.hidden = !choice;
    none.hidden = Boolean(choice);
    notes.textContent = choice?.notes ?? "";
    line.textContent = `${command} ${budget}`;
    if (!choice) {
      none.textContent = `No model is so fast. The fastest one, ${choices[0].label}, takes ${choices[0].budget.toFixed(2)} ms.`;
      return;
    }
    name.textContent = choice.label;
    name.href = `#model-${choice.name}`;
    reason.textContent = choice.reason;
    for (const cell of details.querySelectorAll("[data-figure]")) cell.textContent = choice.figures[cell.dataset.figure];
    for (const box of details.querySelectorAll("[data-command]")) box.querySelector("pre").textContent = choice.commands[box.dataset.command];
  };
  range.addEventListener("input", () => { number.value = range.value; show(Number(range.value)); });
  number.addEventListener("input", () => {
    if (number.value === "") return;
    range.value = number.value;
    show(Number(number.value));
  });
}

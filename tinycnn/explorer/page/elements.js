/* Making pieces of the page. Text always goes in as text, so that no name of a class or file is ever read as HTML. */
"use strict";

/* An element: el("p", {class: "note"}, "text", another). */
function el(tag, settings = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const byId = (id) => document.getElementById(id);

/* A number that can be checked: `of` says what it is, in the few words that tests/explore/numbers.py reads. */
function num(value, of, digits = 3) {
  const made = el("span", { class: "n" }, written(value, digits));
  made.of = of;
  return made;
}

/* The color of a number between -1 and 1: orange below 0, white at 0, purple above (safe for the color-blind). */
function colorOf(share) {
  const size = Math.min(1, Math.abs(share)) ** 0.8;
  const end = share < 0 ? [201, 101, 0] : [84, 39, 136];
  return end.map((channel) => Math.round(255 + (channel - 255) * size));
}

/* Black or white, whichever is easier to read on a color (the contrast of WCAG 2). */
function inkOn(color) {
  const [r, g, b] = color.map((channel) =>
    channel <= 10 ? channel / 3295 : ((channel / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

/* Numbers as a small table, each on its color. rows: [[{value, of, mark, label}]]; null leaves a cell open. */
function numberGrid(rows, { caption, scale, digits = 3, small = false } = {}) {
  const values = rows
    .flat()
    .filter((cell) => cell && !cell.outside)
    .map((cell) => Math.abs(cell.value));
  const most = scale ?? Math.max(1e-30, ...values);
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      row.map((cell) => {
        if (!cell) return el("td", { class: "open" });
        const [r, g, b] = cell.outside ? [236, 239, 242] : colorOf(cell.value / most);
        const style = `background: rgb(${r} ${g} ${b}); color: ${inkOn([r, g, b])}`;
        const inside = cell.outside ? "0" : num(cell.value, cell.of, digits);
        const action = cell.act
          ? el("button", { class: "plain", onclick: cell.act, "aria-label": cell.label }, inside)
          : inside;
        return el("td", { style, class: cell.mark ? "marked" : null, title: cell.label ?? null }, action);
      }),
    ),
  );
  const title = caption ? el("caption", {}, caption) : null;
  return el("table", { class: small ? "grid small" : "grid" }, title, el("tbody", {}, body));
}

/* A table of terms: heads are column titles, rows are cells (text or elements). */
function table(heads, rows, caption) {
  return el(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": caption ?? heads.join(", ") },
    el(
      "table",
      { class: "terms" },
      caption ? el("caption", {}, caption) : null,
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((row) =>
          el(
            "tr",
            {},
            row.map((cell) => el("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

/* A row of buttons of which one is chosen. choices: [[value, label]]; chosen: the value; act: called with another. */
function choice(name, choices, chosen, act) {
  return el(
    "div",
    { class: "choice", role: "group", "aria-label": name },
    choices.map(([value, label]) =>
      el(
        "button",
        { type: "button", "aria-pressed": String(value === chosen), "data-value": value, onclick: () => act(value) },
        label,
      ),
    ),
  );
}

/* A line of arithmetic: pieces with thin spaces between. */
const line = (...pieces) =>
  el(
    "p",
    { class: "line" },
    pieces.flatMap((piece, i) => (i ? [" ", piece] : [piece])),
  );
const note = (...pieces) => el("p", { class: "note" }, pieces);
const heading = (text) => el("h4", {}, text);

/* A bar whose length is a share of the widest, to the left of the middle where negative. */
function bar(value, most) {
  const width = Math.min(100, (100 * Math.abs(value)) / (most || 1)) / 2;
  const place = value < 0 ? `right: 50%` : `left: 50%`;
  return el(
    "span",
    { class: "bar", "aria-hidden": "true" },
    el("span", { class: value < 0 ? "minus" : "plus", style: `${place}; width: ${width}%` }),
  );
}

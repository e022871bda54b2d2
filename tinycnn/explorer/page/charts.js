/* Curves as SVG: axes, lines that are told apart by dashes as well as by color, and a mark at one place. */
"use strict";

function svg(tag, settings = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(settings)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const STROKES = [
  { stroke: "#0072B2" },
  { stroke: "#a34e00", "stroke-dasharray": "7 3" },
  { stroke: "#00734f", "stroke-dasharray": "2 3" },
];

/* A round number at or above a number: 0.37 -> 0.4 */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 4, 6, 8, 10].map((step) => step * unit).find((step) => step >= value * (1 - 1e-9));
}

/* A round number at or a little below a number: 10.8 -> 10 */
function roundDown(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [8, 6, 5, 4, 3.2, 2.4, 2, 1.6, 1.2, 1].map((step) => step * unit).find((step) => step <= value * (1 + 1e-9));
}

/* Curves over the same places. series: [{name, values}], a null leaves a gap; at: the place that is marked
   ticks: texts below some places, {index: text}    cut: about where the axis ends if values go beyond it (they may be
   infinite then): the curve leaves the frame */
function chart({ title, places, series, at, ticks, from = 0, cut = 0, width = 380, height = 190 }) {
  const all = series.flatMap((one) => one.values).filter((value) => value !== null),
    highest = Math.max(...all, 1e-9),
    leaves = cut > 0 && highest > cut;
  const most = leaves ? roundDown(cut) : Math.max(roundUp(highest), from + 1e-9),
    left = 44,
    right = width - 10,
    low = height - 38,
    top = 12;
  const span = Math.max(1e-9, places.at(-1) - places[0]);
  const x = (place) => left + ((place - places[0]) / span) * (right - left),
    y = (value) => low - ((Math.min(value, 100 * most) - from) / (most - from)) * (low - top);
  const said = series
    .map((one) => `${one.name}: ${one.values.map((value) => (value === null ? "none" : written(value))).join(", ")}`)
    .join("; ");
  const drawn = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: "chart",
    role: "img",
    "aria-label": `${title}. ${said}`,
  });
  for (let i = 0; i <= 4; i++) {
    const value = from + ((most - from) * i) / 4;
    drawn.append(
      svg("line", { x1: left, x2: right, y1: y(value), y2: y(value), stroke: i ? "#e3e7eb" : "#8a94a0" }),
      svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(3)))),
    );
  }
  for (const [index, text] of Object.entries(ticks))
    drawn.append(svg("text", { x: x(places[index]), y: low + 15, "text-anchor": "middle" }, text));
  if (at !== null && at !== undefined)
    drawn.append(
      svg("line", { x1: x(at), x2: x(at), y1: top, y2: low, stroke: "#55606d", "stroke-dasharray": "3 3" }),
    );
  // What lies above the top is cut off there.
  const inside = leaves
    ? svg("svg", { y: top, width, height: height - top, viewBox: `0 ${top} ${width} ${height - top}` })
    : svg("g");
  drawn.append(inside);
  series.forEach((one, k) => {
    let d = "",
      open = false;
    one.values.forEach((value, i) => {
      if (value === null) open = false;
      else {
        d += `${open ? "L" : "M"}${x(places[i]).toFixed(1)} ${y(value).toFixed(1)}`;
        open = true;
      }
    });
    inside.append(svg("path", { d, fill: "none", "stroke-width": 2.2, ...STROKES[k % 3] }));
    const now = places.indexOf(at);
    if (now >= 0 && one.values[now] !== null && one.values[now] <= most)
      drawn.append(
        svg("circle", {
          cx: x(at),
          cy: y(one.values[now]),
          r: 4.5,
          fill: STROKES[k % 3].stroke,
          stroke: "#fff",
          "stroke-width": 1.5,
        }),
      );
  });
  const key = el(
    "p",
    { class: "key" },
    series.map((one, k) =>
      el(
        "span",
        { class: "key-item" },
        svg(
          "svg",
          { viewBox: "0 0 28 6", class: "sample", "aria-hidden": "true" },
          svg("path", { d: "M0 3L28 3", "stroke-width": 2.5, ...STROKES[k % 3] }),
        ),
        `${one.name} `,
      ),
    ),
  );
  const above = leaves ? note(`Above ${Number(most.toPrecision(3))} the curve leaves the frame.`) : null;
  return el("figure", { class: "plot" }, el("figcaption", {}, title), drawn, key, above);
}

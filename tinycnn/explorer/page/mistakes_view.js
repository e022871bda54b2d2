/* A wrong backward on request: what one wrong line does to all gradients, and what the checker says of it. */
"use strict";

// The first that spreads from layer to layer, which is more to see than one that stays where it is.
let mistake = Math.max(
  0,
  (told.mistakes ?? []).findIndex((one) => one.layers.some((layer) => layer.arrives > 1e-4)),
);

function drawMistakes(container) {
  const found = told.mistakes;
  container.replaceChildren(
    el(
      "p",
      { class: "lead" },
      "Pick a mistake that learners make. A copy of your network got this wrong line, and took the same step " +
        "with all pictures of this page. Bars show how far its gradients are from the right ones, layer by layer.",
    ),
    el(
      "div",
      { class: "planted" },
      el(
        "div",
        { class: "menu", role: "group", "aria-label": "mistakes" },
        found.map((one, i) =>
          el(
            "button",
            { type: "button", "aria-pressed": String(i === mistake), onclick: () => pickMistake(i, container) },
            one.title,
          ),
        ),
      ),
      mistakeDetail(found[mistake]),
    ),
  );
}

function pickMistake(number, container) {
  mistake = number;
  drawMistakes(container);
  container.querySelectorAll(".menu button")[number].focus();
}

const shortName = (name) => name.replace(/^trunk\./, "");

/* How far off a gradient is: 0, the same; 1, as far as it is long. */
function offBar(value, path) {
  if (value === null) return [el("span", { class: "off none" }, "–")];
  const much = value > 1e-4;
  return [
    el(
      "span",
      { class: much ? "off" : "off same" },
      el("span", { style: `width: ${much ? Math.max(3, Math.min(100, 50 * value)) : 0}%` }),
    ),
    " ",
    num(value, path, 2),
  ];
}

function mistakeDetail(one) {
  const path = `data|mistakes|${mistake}|layers`,
    names = [...new Set(one.layers.flatMap((layer) => Object.keys(layer.parameters)))];
  const first = one.layers.findLast((layer) => layer.planted);
  const rows = one.layers
    .map((layer, i) => ({ layer, i }))
    .reverse()
    .map(({ layer, i }) => [
      el("span", { class: layer.planted ? "guilty" : "" }, layer.planted ? "✗ " : "", shortName(layer.layer)),
      offBar(layer.arrives, `${path}|${i}|arrives`),
      ...names.map((name) =>
        name in layer.parameters ? offBar(layer.parameters[name], `${path}|${i}|parameters|${name}`) : "",
      ),
    ]);
  const { file, number, right, wrong } = one.line;
  return el(
    "div",
    { class: "mistake" },
    el("h3", {}, one.title),
    el("p", { class: "said" }, one.sentence),
    el(
      "div",
      { class: "diff", tabindex: 0, role: "region", "aria-label": "the line, right and wrong" },
      el("p", { class: "label" }, `${file}, line ${number}`),
      el("pre", { class: "right" }, `  right   ${right}`),
      el("pre", { class: "wrong" }, `✗ wrong   ${wrong}`),
    ),
    el(
      "div",
      { class: "findings" },
      el(
        "div",
        {},
        heading("What the checker says"),
        el(
          "p",
          { class: "words" },
          el("b", {}, shortName(one.diagnosis.of)),
          ": ",
          one.diagnosis.words || "nothing: it looks right to the checker.",
        ),
        el(
          "details",
          { class: "source" },
          el("summary", {}, "its whole report"),
          el("pre", { tabindex: 0 }, one.diagnosis.report),
        ),
        heading("How one finds it"),
        note(whereText(one, first)),
        atPicture(one.picture, `data|mistakes|${mistake}|picture|longer`),
      ),
      el(
        "div",
        {},
        table(
          ["layer", "gradient that arrives", ...names.map((name) => `d${name}`)],
          rows,
          "In the order of backward: from the heads, at the top, to the picture. 0 is right; ✗ marks layers with " +
            "the wrong line.",
        ),
      ),
    ),
  );
}

/* The gradient at the first picture, right and wrong beside each other: the same colors as everywhere. */
function atPicture(seen, path) {
  if (!seen) return "";
  const [h, w] = seen.shape;
  const drawn = (text, words) => {
    const canvas = el("canvas", { role: "img", "aria-label": `gradient at the picture, ${words}` });
    const numbers = Int8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    drawMaps(
      canvas,
      [h, w, 1],
      numbers,
      { columns: 1, rows: 1, edge: 140, tall: Math.round((140 * h) / w), gap: 0 },
      127,
    );
    return el("figure", {}, canvas, el("figcaption", { class: "label" }, words));
  };
  return el(
    "div",
    {},
    heading("What arrives at the first picture"),
    el("div", { class: "beside" }, drawn(seen.right, "right"), drawn(seen.wrong, "✗ wrong")),
    note(
      "Summed over the three colors; the largest number of each is the full color. The wrong gradient is ",
      num(seen.longer, path, 2),
      " times as long as the right one.",
    ),
  );
}

function whereText(one, first) {
  if (one.planted[0] === "loss")
    return (
      "Already what the class head is given is wrong, and the box head is right throughout: so look at the class loss, " +
      "before any layer."
    );
  const spreads = one.layers.some((layer) => layer.arrives > 1e-4);
  return spreads
    ? `Backward begins at the heads. The gradient is right until it comes out of ${shortName(first.layer)}, the ` +
        "last layer with the wrong line; from there on all of them are wrong. So look for the last layer, counted " +
        "from the picture, that is given a right gradient and hands on a wrong one."
    : "The gradients that travel are all right; only those of some parameters are not. So the mistake is in a " +
        "line that computes dw or db, and in no other.";
}

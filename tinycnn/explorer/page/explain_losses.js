/* The two losses written out: softmax with p − onehot, and the four differences of the box. */
"use strict";

/* The table of the class loss: score, p, onehot, p − onehot, and what goes back. */
function classLossBlocks(step) {
  const { classes, dscores } = step.loss,
    scores = step.values[told.class_end],
    { class_weight: weight, label_smoothing: e } = told.loss;
  const end = nodes[told.class_end],
    most = Math.max(...classes.p),
    rows = Array.from(classes.p.keys());
  if (rows.length > 20)
    rows
      .sort((a, b) => (b === step.picture.label) - (a === step.picture.label) || classes.p[b] - classes.p[a])
      .splice(20);
  return [
    table(
      [
        "class",
        "score",
        "p",
        "",
        e ? "truth" : "onehot",
        e ? "p − truth" : "p − onehot",
        weight === 1 ? null : `× ${weight}`,
      ].filter((h) => h !== null),
      rows.map((k) =>
        [
          el(
            "button",
            { class: "link", onclick: () => select(told.class_end, [k]) },
            k === step.picture.label ? `${told.classes[k]} (true)` : told.classes[k],
          ),
          num(scores[k], of.y(end, k)),
          num(classes.p[k], `softmax|${k}`),
          bar(classes.p[k], most),
          num(classes.truth[k], `truth|${k}`),
          num(classes.d[k], `softmax|${k} - truth|${k}`),
          weight === 1 ? null : num(dscores[k], of.d("class", end, k)),
        ].filter((cell) => cell !== null),
      ),
    ),
    line("class loss = −log p of the true class =", num(classes.value, "loss|class", 4)),
    note("p − onehot is all the class head is told: how much too sure of each class it is."),
  ];
}

/* The table of the box loss: four differences. */
function boxLossBlocks(step) {
  const { box, pred, dboxes } = step.loss,
    start = boxStart(step.picture.label),
    end = nodes[told.box_end],
    weight = told.loss.box_weight;
  const l2 = told.loss.box_loss === "L2Loss";
  return [
    table(
      ["", "predicted", "true", "difference", l2 ? "squared" : null, "gradient"].filter((h) => h !== null),
      BOX_NUMBERS.map((name, k) =>
        [
          el("button", { class: "link", onclick: () => select(told.box_end, [start + k]) }, name),
          num(pred[k], of.y(end, start + k)),
          num(step.picture.target[k], `target|${k}`),
          num(box.difference[k], `${of.y(end, start + k)} - target|${k}`),
          l2 ? num(box.difference[k] ** 2, `square|${k}`) : null,
          num(dboxes[start + k], of.d("box", end, start + k)),
        ].filter((cell) => cell !== null),
      ),
    ),
    line(
      l2 ? "box loss = mean of the four squares =" : `box loss (${told.loss.box_loss}) =`,
      num(box.value, "loss|box", 4),
    ),
    note(
      "Boxes are standardized: 0 is the average training box, 1 is one standard deviation " +
        `more.${l2 ? ` The gradient is ${weight === 1 ? "" : `${weight} × `}2 × difference / 4.` : ""}`,
    ),
  ];
}

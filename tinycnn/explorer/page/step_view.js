/* One step: the weights move against their gradients, and the network is asked again. */
"use strict";

const PASSES = 4; // times the rate that the slider reaches
const CUT = 3; // times the loss before, about which the chart ends: the fall stays visible beside a steep rise

/* The gradient that the step follows: of one picture, or the mean over all. */
function stepGradients() {
  const learned = state.learnFrom === "one" ? [stepOf()] : told.pictures.map((_, i) => stepOf(i));
  const mean = {};
  for (const step of learned) {
    for (const [key, gradient] of Object.entries(step.parameters("both"))) {
      mean[key] ??= new Float64Array(gradient.length);
      for (let i = 0; i < gradient.length; i++) mean[key][i] += gradient[i] / learned.length;
    }
  }
  return mean;
}

const moved = { key: null, gradients: null, weights: {}, losses: new Map() };

/* The loss of the picture after a step of `times` times the rate, with all that belongs to it: see lossOf. */
function afterStep(times) {
  const key = `${state.learnFrom} ${state.learnFrom === "one" ? state.picture : ""}`;
  if (moved.key !== key) Object.assign(moved, { key, gradients: stepGradients(), losses: new Map() });
  const asked = `${times} ${state.picture}`;
  if (!moved.losses.has(asked)) {
    for (const [name, gradient] of Object.entries(moved.gradients)) {
      const to = (moved.weights[name] ??= new Float64Array(gradient.length));
      for (let i = 0; i < to.length; i++) to[i] = weights[name][i] - times * told.rate * gradient[i];
    }
    const { values } = forwardAll(state.picture, { ...weights, ...moved.weights });
    moved.losses.set(asked, lossOf(values[told.class_end], values[told.box_end], told.pictures[state.picture]));
  }
  return moved.losses.get(asked);
}

/* How the rate was chosen, where nobody gave one: see suitable_rate in contents.py. */
function rateSentence() {
  const { rate, rate_chosen: chosen, rate_straight: straight, rate_halved: times, rate_falls: falls } = told;
  if (!chosen) return "";
  const line = ` The rate ${rate} was chosen for this network: if the loss fell in a straight line, a step`;
  if (!times) return `${line} of 1× would end at 0.`;
  return (
    `${line} at rate ${straight} would end at 0, but on the first picture such a step does not lower the loss. ` +
    `The rate was halved ${times === 1 ? "once" : `${times} times`}: ` +
    (falls ? "with this one it does." : "even with this one it does not.")
  );
}

/* A slider that is moved quickly asks only for the last place. */
let waiting = 0;
function slide(value, container) {
  state.rate = value;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => fillStep(container));
}

function drawStep(container) {
  if (!computable()) {
    container.replaceChildren(
      note(
        `A step cannot be taken here: ${nodes
          .filter((node) => !node.computed)
          .map((node) => node.short)
          .join(", ")} can be computed by NumPy alone.`,
      ),
    );
    return;
  }
  const slider = el("input", {
    type: "range",
    id: "rate",
    min: 0,
    max: PASSES,
    step: 0.125,
    value: state.rate,
    "aria-describedby": "rate-said",
    oninput: (event) => slide(Number(event.target.value), container),
  });
  container.replaceChildren(
    el(
      "p",
      { class: "lead" },
      "The optimizer moves every weight a little against its gradient: w ← w − rate × dw. Then the network is " +
        "asked about the same picture again. Move the slider.",
      rateSentence(),
    ),
    el(
      "div",
      { class: "controls" },
      choice(
        "what the step learns from",
        [
          ["one", "this picture alone"],
          ["all", `all ${told.pictures.length} pictures`],
        ],
        state.learnFrom,
        (value) => change({ learnFrom: value }),
      ),
      el("label", { for: "rate" }, "rate"),
      slider,
      el("output", { id: "rate-said", for: "rate" }),
    ),
    el("div", { id: "step-body" }),
  );
  fillStep(container);
}

function fillStep() {
  const before = afterStep(0),
    after = afterStep(state.rate),
    { picture, number } = stepOf(),
    rate = `${state.rate}`;
  byId("rate-said").textContent = `${state.rate} × ${told.rate} = ${written(state.rate * told.rate)}`;
  const canvas = el("canvas", {
    role: "img",
    "aria-label": "the picture with the true box and the predicted boxes before and after the step",
  });
  const truth = cornersOf(picture.code),
    boxes = [before, after].map((one) => boxOf(one.pred));
  drawPicture(canvas, number, Math.min(320, window.innerWidth - 60), [
    { box: truth, color: "#009E73", dash: true },
    { box: boxes[0], color: "#6b7683" },
    { box: boxes[1], color: "#D55E00" },
  ]);
  const e = (what) => `step|${state.learnFrom}|${rate}|${what}`,
    at0 = (what) => `step|${state.learnFrom}|0|${what}`;
  const lossRow = (name, get, what) => [
    name,
    num(get(before), at0(what), 4),
    num(get(after), e(what), 4),
    num(get(after) - get(before), `${e(what)} - ${at0(what)}`),
  ];
  const { class_weight: cw, box_weight: bw } = told.loss;
  const lossTable = table(
    ["", "before", "after", "change"],
    [
      lossRow(`class loss${cw === 1 ? "" : ` (weight ${cw})`}`, (l) => l.classes.value, "class"),
      lossRow(`box loss${bw === 1 ? "" : ` (weight ${bw})`}`, (l) => l.box.value, "box"),
      lossRow("loss", (l) => l.total, "total"),
    ],
    "The loss",
  );
  const ranks = largest(
    before.classes.p.map((p, i) => Math.max(p, after.classes.p[i]) + (i === picture.label ? 2 : 0)),
    6,
  );
  const classTable = table(
    ["class", "before", "after", ""],
    ranks.map((k) => [
      k === picture.label ? `${told.classes[k]} (true)` : told.classes[k],
      num(before.classes.p[k], at0(`p|${k}`)),
      num(after.classes.p[k], e(`p|${k}`)),
      el(
        "span",
        { class: "pair", "aria-hidden": "true" },
        el("span", { class: "was", style: `width: ${100 * before.classes.p[k]}%` }),
        el("span", { class: "is", style: `width: ${100 * after.classes.p[k]}%` }),
      ),
    ]),
    "Probabilities",
  );
  const boxTable = table(
    ["", "true", "before", "after"],
    BOX_NUMBERS.map((name, k) => [
      name,
      num(picture.target[k], `target|${k}`),
      num(before.pred[k], at0(`box|${k}`)),
      num(after.pred[k], e(`box|${k}`)),
    ]),
    "The box, standardized",
  );
  const ious = [before, after].map((one, i) => overlap(truth, boxes[i]));
  byId("step-body").replaceChildren(
    el(
      "div",
      { class: "stepped" },
      el(
        "div",
        { class: "step-picture" },
        canvas,
        el(
          "p",
          { class: "key" },
          el("span", { class: "stroke true" }),
          "true ",
          el("span", { class: "stroke was" }),
          "before ",
          el("span", { class: "stroke said" }),
          "after",
        ),
        line("overlap (IoU) before", num(ious[0], at0("iou")), ", after", num(ious[1], e("iou"))),
        el("div", { id: "step-curve" }),
      ),
      el(
        "div",
        { class: "tables" },
        el("p", { class: "said" }, stepSentence(before, after)),
        lossTable,
        classTable,
        boxTable,
        movedWeights(rate),
      ),
    ),
  );
  byId("spoken").textContent = stepSentence(before, after);
  setTimeout(() => byId("step-curve")?.replaceChildren(curveOf())); // it asks the network nine times: numbers come first
}

function stepSentence(before, after) {
  if (state.rate === 0) return "At rate 0 nothing moves.";
  const fall = before.total - after.total;
  return fall >= 0
    ? `With this step the loss of this picture falls from ${written(before.total, 4)} to ` +
        `${written(after.total, 4)}.`
    : `This step is too long: the loss of this picture rises from ${written(before.total, 4)} to ` +
        `${written(after.total, 4)}. The gradient holds only nearby.`;
}

/* The weights that move most, one of each layer. */
function movedWeights(rate) {
  const rows = [];
  for (const node of nodes)
    for (const [name, key] of Object.entries(node.parameters)) {
      const gradient = moved.gradients[key];
      if (!gradient || name !== "w") continue;
      const place = largest(gradient, 1)[0],
        what = `${state.learnFrom}|${rate}|${node.number}|${name}|${place}`;
      rows.push([
        parameterName(node, name, indexOf(node.shapes[name], place)),
        num(weights[key][place], of.p(node, name, place), 4),
        num(gradient[place], `step gradient|${state.learnFrom}|${node.number}|${name}|${place}`),
        num(weights[key][place] - state.rate * told.rate * gradient[place], `step weight|${what}`, 4),
      ]);
    }
  return table(["weight", "before", "gradient", "after"], rows, "The weight of each layer that moves most");
}

/* The loss of this picture over the rate, at a few places, as a curve. */
function curveOf() {
  const places = Array.from({ length: 9 }, (_, i) => (PASSES * i) / 8),
    values = places.map((times) => afterStep(times).total).map((value) => (Number.isNaN(value) ? Infinity : value));
  return chart({
    title: "Loss of this picture over the rate",
    places,
    at: state.rate,
    ticks: Object.fromEntries(places.map((place, i) => [i, `${place}×`]).filter(([i]) => i % 2 === 0)),
    series: [{ name: "loss", values }],
    cut: CUT * values[0],
    width: 320,
    height: 170,
  });
}

/* The epochs of the run: its learning curves, and what it said of the same pictures after each epoch. */
"use strict";

const CURVES = [
  [
    "Loss",
    [
      ["loss", "training"],
      ["valid_loss", "validation"],
    ],
  ],
  [
    "Its two terms, validation",
    [
      ["valid_class_loss", "class"],
      ["valid_box_loss", "box"],
    ],
  ],
  [
    "Right answers, validation",
    [
      ["valid_accuracy", "class right"],
      ["valid_mean_iou", "mean box overlap"],
      ["valid_joint", "both right"],
    ],
  ],
];
let epoch = null,
  playing = 0; // position in told.epochs.epochs

/* The curves of the history that the run has, with a mark at an epoch. */
function curves(at) {
  const { curves: columns } = told.epochs,
    places = columns.epoch ?? [];
  if (places.length < 2) return [];
  const step = Math.max(1, Math.ceil(places.length / 8)),
    ticks = Object.fromEntries(places.map((place, i) => [i, String(place)]).filter(([i]) => i % step === 0));
  return CURVES.map(([title, wanted]) => [
    title,
    wanted.filter(([name]) => columns[name]?.some((value) => value !== null)),
  ])
    .filter(([, found]) => found.length)
    .map(([title, found]) =>
      chart({ title, places, at, ticks, series: found.map(([column, name]) => ({ name, values: columns[column] })) }),
    );
}

function drawEpochs(container) {
  const { epochs, best, part } = told.epochs,
    last = epochs.length - 1;
  epoch ??= last;
  const turn = (value) => {
    epoch = value;
    fillEpochs();
  };
  const slider = el("input", {
    type: "range",
    id: "epoch",
    min: 0,
    max: last,
    step: 1,
    value: epoch,
    "aria-describedby": "epoch-said",
    oninput: (event) => turn(Number(event.target.value)),
  });
  const play = el(
    "button",
    { type: "button", class: "play", id: "play", onclick: () => (playing ? pause() : run(turn)) },
    "▶ Play",
  );
  container.replaceChildren(
    el(
      "p",
      { class: "lead" },
      `What this network said of the same ${told.epochs.pictures.length} ` +
        `${part === "valid" ? "validation" : "training"} pictures after each epoch. Those that are wrong in the ` +
        "end come first.",
    ),
    el(
      "div",
      { class: "controls" },
      play,
      el("label", { for: "epoch" }, "epoch"),
      slider,
      el("output", { id: "epoch-said", for: "epoch" }),
    ),
    el("div", { id: "epoch-curves", class: "plots" }),
    el("div", { id: "epoch-pictures", class: "gallery" }),
    best ? note(`model.npz holds epoch ${best}, the best in validation.`) : null,
  );
  fillEpochs();
}

function run(turn) {
  if (epoch >= told.epochs.epochs.length - 1) epoch = -1;
  byId("play").textContent = "❚❚ Pause";
  playing = setInterval(() => {
    if (state.view !== "epochs" || epoch >= told.epochs.epochs.length - 1) pause();
    else turn(epoch + 1);
  }, 700);
}

function pause() {
  clearInterval(playing);
  playing = 0;
  if (byId("play")) byId("play").textContent = "▶ Play";
}

function fillEpochs() {
  const { epochs, pictures } = told.epochs,
    number = epochs[epoch];
  byId("epoch").value = epoch;
  byId("epoch-said").textContent = `${number} of ${epochs.at(-1)}`;
  byId("epoch-curves").replaceChildren(...curves(number));
  byId("epoch-pictures").replaceChildren(
    ...pictures.map((picture, i) => epochCard(picture, picture.answers[epoch], i)),
  );
}

/* One picture with the true box and that of this epoch, and how sure of the true class the network was over the
   epochs. */
function epochCard(picture, answer, i) {
  const { classes, epochs } = told.epochs,
    [[best, share]] = answer.top,
    path = `data|epochs|pictures|${i}|answers|${epoch}`;
  const rectangle = (box, settings) =>
    box.some((a) => a === null)
      ? []
      : ["#fff", settings.stroke].map((stroke, k) =>
          svg("rect", {
            x: 100 * box[0],
            y: 100 * box[1],
            width: 100 * (box[2] - box[0]),
            height: 100 * (box[3] - box[1]),
            fill: "none",
            ...settings,
            stroke,
            "stroke-width": k ? 1.6 : 3,
            ...(k ? {} : { "stroke-dasharray": "none" }),
          }),
        );
  const frame = el(
    "div",
    { class: "shot" },
    el("img", { src: picture.image, alt: `${picture.name}: ${classes[picture.label]}` }),
    svg(
      "svg",
      { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      ...rectangle(picture.box, { stroke: "#009E73", "stroke-dasharray": "5 3" }),
      ...rectangle(answer.box, { stroke: "#D55E00" }),
    ),
  );
  const shares = picture.answers.map((one) => one.true),
    x = (k) => 2 + (96 * k) / Math.max(1, epochs.length - 1),
    y = (value) => 24 - 22 * (value ?? 0);
  const spark = svg(
    "svg",
    {
      viewBox: "0 0 100 26",
      class: "spark",
      role: "img",
      "aria-label":
        `probability of ${classes[picture.label]} after each epoch: ` +
        `${shares.map((value) => (value === null ? "none" : percent(value))).join(", ")}`,
    },
    svg("line", { x1: 2, x2: 98, y1: 24, y2: 24, stroke: "#c6ccd3", "stroke-width": 0.6 }),
    svg("path", {
      d: shares.map((value, k) => `${k ? "L" : "M"}${x(k)} ${y(value)}`).join(""),
      fill: "none",
      stroke: "#542788",
      "stroke-width": 1.4,
    }),
    svg("circle", { cx: x(epoch), cy: y(shares[epoch]), r: 2.4, fill: "#D55E00" }),
  );
  return el(
    "article",
    { class: answer.right ? "shown right" : "shown wrong" },
    frame,
    el(
      "h3",
      {},
      el("span", { class: answer.right ? "verdict right" : "verdict wrong" }, answer.right ? "✓ " : "✗ "),
      classes[picture.label],
    ),
    el(
      "p",
      {},
      "says ",
      el("b", {}, classes[best]),
      share === null ? "" : [", p = ", num(share, `${path}|top|0|1`)],
      answer.iou === null ? "" : ["; box overlap ", num(answer.iou, `${path}|iou`)],
    ),
    el("p", { class: "label" }, `p of ${classes[picture.label]} over the epochs`),
    spark,
  );
}

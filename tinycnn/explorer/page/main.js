/* The frame around the views: pictures, tabs, switches, and what is drawn again when something changes. */
"use strict";

const VIEWS = {
  network: "Network",
  step: "One step",
  ...(told.epochs ? { epochs: "Epochs" } : {}),
  ...(told.mistakes?.length ? { mistakes: "Wrong backward" } : {}),
};

function drawBar() {
  byId("views").replaceChildren(
    ...Object.entries(VIEWS).map(([view, name]) =>
      el(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${view}`,
          "aria-controls": "view",
          "aria-selected": String(state.view === view),
          tabindex: state.view === view ? 0 : -1,
          onclick: () => change({ view }),
          onkeydown: (event) => turnTab(event),
        },
        name,
      ),
    ),
  );
  const modes = choice(
    "what is shown",
    [
      ["forward", ["Forward", el("span", { class: "wordy" }, ": values")]],
      ["backward", ["Backward", el("span", { class: "wordy" }, ": gradients")]],
      ["parameters", "Parameters"],
    ],
    state.mode,
    (mode) => change({ mode, place: null, channel: null }),
  );
  const heads = choice(
    "whose gradient",
    [
      ["class", "class head"],
      ["box", "box head"],
      ["both", "both"],
    ],
    state.head,
    (head) => change({ head }),
  );
  const shown = choice(
    "of the parameters",
    [
      ["value", "weights"],
      ["gradient", "gradients"],
      ["update", "updates"],
    ],
    state.shown,
    (value) => change({ shown: value }),
  );
  byId("switches").replaceChildren(
    ...(state.view !== "network"
      ? []
      : [
          modes,
          ...(state.mode === "parameters" ? [shown] : []),
          ...(state.mode === "backward" || (state.mode === "parameters" && state.shown !== "value") ? [heads] : []),
        ]),
  );
}

function turnTab(event) {
  const names = Object.keys(VIEWS),
    by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const view = names[(names.indexOf(state.view) + by + names.length) % names.length];
  change({ view });
  byId(`tab-${view}`).focus();
}

/* The six pictures: which one is looked at, and whether the network was right about it. */
function drawPictures() {
  byId("pictures").replaceChildren(
    ...told.pictures.map((picture, i) => {
      const canvas = el("canvas", { "aria-hidden": "true" });
      drawPicture(canvas, i, window.innerWidth <= 900 ? 44 : 56);
      return el(
        "button",
        {
          type: "button",
          "aria-pressed": String(i === state.picture),
          title: picture.name,
          "aria-label": `picture ${i + 1}, ${told.classes[picture.label]}: ${picture.name}`,
          onclick: () => change({ picture: i }),
        },
        canvas,
        el("span", {}, told.classes[picture.label]),
      );
    }),
  );
}

function drawAnswer() {
  const { loss, picture } = stepOf(),
    best = largest(loss.classes.p, 1)[0],
    iou = overlap(cornersOf(picture.code), boxOf(loss.pred));
  const right = best === picture.label;
  byId("answer").replaceChildren(
    el("b", {}, picture.name),
    `: it is ${told.classes[picture.label]}; the network says ${told.classes[best]} ` +
      `(${percent(loss.classes.p[best])}), box overlap ${percent(iou)}. `,
    el(
      "span",
      { class: right && iou >= 0.5 ? "verdict right" : "verdict wrong" },
      right && iou >= 0.5 ? "✓ both right" : right ? "✗ box off" : "✗ wrong class",
    ),
  );
}

function drawView() {
  const container = byId("view"),
    network = state.view === "network";
  container.className = `view ${state.view}`;
  container.setAttribute("aria-labelledby", `tab-${state.view}`);
  byId("network").hidden = byId("detail").hidden = !network;
  byId("other").hidden = network;
  if (network) {
    drawNetwork();
    drawDetail(byId("detail"));
  } else drawOther[state.view](byId("other"));
}

const drawOther = { step: drawStep, epochs: drawEpochs, mistakes: drawMistakes };

listeners.push((changes) => {
  const names = Object.keys(changes),
    only = (...allowed) => names.every((name) => allowed.includes(name));
  if (only("node", "unit", "parameter", "channel", "place") && state.view === "network") {
    markNetwork();
    drawDetail(byId("detail"));
    if ("node" in changes) cards.find(isChosen)?.element.scrollIntoView({ block: "nearest" });
    return;
  }
  if ("mode" in changes && state.mode !== "parameters" && state.parameter) Object.assign(state, { parameter: null });
  if ("picture" in changes) {
    drawPictures();
    drawAnswer();
  }
  drawBar();
  drawView();
});

/* What is said where the weights of a large network were rounded to keep the page small. */
function precisionText() {
  const bits = Math.min(...told.index.map((one) => one.bits)); // of the 23 of a float32's fraction
  const digits = Math.floor(bits * Math.log10(2));
  return bits < 23 ? `To keep this page small, its largest arrays of weights are rounded to ${digits} digits. ` : "";
}

async function start() {
  const arrays = await unpack(byId("numbers").textContent, told.index);
  byId("numbers").textContent = ""; // the memory is needed elsewhere
  pixels = arrays.pixels;
  prepareNodes(arrays);
  buildNetwork(byId("network"));
  drawBar();
  drawPictures();
  drawAnswer();
  const first = nodes.find((node) => node.kind === "Conv2d") ?? nodes[1];
  Object.assign(state, { node: first.number, unit: strongest(first)[1] });
  drawView();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) {
      drawPictures();
      drawView();
    }
    width = window.innerWidth;
  });
  byId("tour-again").addEventListener("click", () => tour(0));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && stop >= 0) tour(-2);
  });
  document.body.dataset.ready = "yes";
  const check = () => {
    const worst = compareWithNumPy(stepOf());
    byId("check").textContent =
      precisionText() +
      "Computed in your browser from the weights and the pixels. Largest difference from NumPy's numbers: " +
      `${worst < 1e-12 ? "none" : written(worst, 2)} (relative).`;
    document.body.dataset.checked = String(worst);
  };
  setTimeout(check, 50);
  if (!seen()) tour(0);
}

start().catch((error) => {
  byId("answer").textContent =
    `This page could not be computed: ${error.message}. It needs a browser of 2023 or later.`;
  throw error;
});

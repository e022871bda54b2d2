/* A short tour at the first opening, and whenever it is asked for. */
"use strict";

const TOUR = [
  [
    "A network, opened",
    "This page shows one training step of your own network on your own picture: every number that was computed, " +
      "forward and backward.",
    () => look("forward"),
  ],
  [
    "Forward",
    "From the picture at the top, layer by layer, to the two heads at the end: one says what it is, the other " +
      "where. White is 0, purple above, orange below.",
    () => look("forward"),
  ],
  [
    "Click a unit",
    "Each small square is a number. The panel says how it was made: the window below, the kernel, each product, " +
      "the sum. The window is framed in green.",
    () => look("forward"),
  ],
  [
    "Backward",
    "The same way back: at each number, the gradient says how the loss would change if it grew. Choose the class " +
      "head, the box head, or both.",
    () => look("backward"),
  ],
  [
    "Windows collect",
    "A unit that several windows see collects what each of them sends back: that is col2im. Click one of the " +
      "numbers in the small square to see its terms.",
    () => look("backward", (node) => node.readers.some((one) => one.kind === "Conv2d") && node.inputs.length),
  ],
  [
    "Parameters",
    "A weight is used at many places; its gradient is the sum over all of them. The update is that, times the " +
      "rate, with a minus. Click one.",
    () => change({ view: "network", mode: "parameters", shown: "update", head: "both" }),
  ],
  [
    "One step",
    "Take the step: move the rate and see loss, probabilities and box before and after.",
    () => change({ view: "step", rate: 1 }),
  ],
];

/* Show a mode, and in it the strongest unit of the first layer that is wanted: of the first convolution. */
function look(mode, wanted = (node) => node.kind === "Conv2d") {
  change({ view: "network", mode, head: "both" });
  showFirst(wanted);
}

function showFirst(wanted = (one) => one.kind === "Conv2d") {
  const node = nodes.find(wanted) ?? nodes[1],
    [, unit] = strongest(node);
  change({ view: "network", node: node.number, unit, parameter: null, channel: null, place: null });
}

/* The unit of a node with the largest number in this mode. */
function strongest(node) {
  const place = largest(shownOf(node), 1)[0];
  return [place, unitAt(node.shape, place)];
}

let stop = -1,
  returnTo = null;

function tour(number) {
  const box = byId("tour");
  if (stop < 0) returnTo = document.activeElement;
  stop = number;
  if (number < 0 || number >= TOUR.length) {
    box.hidden = true;
    stop = -1;
    remember();
    returnTo?.focus?.();
    return;
  }
  const [title, text, act] = TOUR[number],
    last = number === TOUR.length - 1;
  box.hidden = false;
  box.replaceChildren(
    el("h2", { id: "tour-title" }, title),
    el("p", {}, text),
    el(
      "p",
      { class: "tour-buttons" },
      el("button", { onclick: () => tour(-2) }, "End"),
      el("span", {}, `${number + 1} of ${TOUR.length}`),
      number ? el("button", { onclick: () => tour(number - 1) }, "Back") : null,
      el("button", { class: "next", onclick: () => tour(last ? -2 : number + 1) }, last ? "Begin" : "Next"),
    ),
  );
  act();
  box.querySelector(".next").focus();
}

/* A page that was opened before shows no tour; where nothing can be remembered it is shown again. */
function remember() {
  try {
    localStorage.setItem("tinycnn explore: tour", "seen");
  } catch {
    /* private windows and frames */
  }
}

function seen() {
  try {
    return localStorage.getItem("tinycnn explore: tour") === "seen";
  } catch {
    return false;
  }
}

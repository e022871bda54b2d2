/* What is looked at now, and who wants to know when that changes. */
"use strict";

let pixels; // {shape: (N, S, S, 3), data: uint8}

const state = {
  view: "network", // network, step, epochs, mistakes
  mode: "forward", // forward, backward, parameters
  head: "both", // whose gradient: class, box, both
  shown: "value", // of parameters: value, gradient, update
  picture: 0,
  node: null, // number of the node that is selected; "class loss" and "box loss" are nodes too
  unit: null, // [y, x, c] or [i] of its output
  parameter: null, // {node, name, index} that is selected
  channel: null, // of the layer below, whose part of a window is written out
  place: null, // of a window over a pixel, whose terms are written out
  rate: 1, // times told.rate
  learnFrom: "one", // the step is that of this picture alone, or of all: "all"
};

const steps = new Map();

/* The Step of a picture, computed when it is asked for first. */
function stepOf(picture = state.picture) {
  if (!steps.has(picture)) steps.set(picture, new Step(picture));
  return steps.get(picture);
}

const listeners = [];

/* Change what is looked at, and show it. */
function change(changes) {
  Object.assign(state, changes);
  for (const listener of listeners) listener(changes);
}

/* Select a unit of a node. */
function select(node, unit, more = {}) {
  change({ node, unit, parameter: null, channel: null, place: null, ...more });
}

/* The numbers that the chosen mode shows of a node's output. */
function shownOf(node, step = stepOf()) {
  return state.mode === "backward" ? step.gradients(state.head)[node.number] : step.values[node.number];
}

/* A parameter as the chosen mode shows it: its values, its gradient, or its update. */
function parameterShown(key) {
  if (state.shown === "value") return weights[key];
  const gradient = stepOf().parameters(state.head)[key];
  return state.shown === "gradient" ? gradient : gradient.map((g) => -told.rate * g);
}

const HEAD_NAMES = { class: "the class head", box: "the box head", both: "both heads" };

/* What layers and units are called, and plain sentences about them. */
"use strict";

const BOX_NUMBERS = ["center x", "center y", "height", "width"];

const KINDS = {
  Picture: ["Picture", "what the network is shown: each pixel less the mean gray, divided by a scale"],
  Conv2d: [
    "Convolution",
    "a small kernel of weights slides over the maps below; at each place it multiplies and adds",
  ],
  MaxPool2d: ["Max pooling", "of each window only the largest number goes on"],
  AvgPool2d: ["Average pooling", "each window becomes its mean"],
  GlobalAvgPool2d: ["Global average", "each map becomes its mean"],
  ReLU: ["ReLU", "a gate: what is above 0 passes, all else becomes 0"],
  LeakyReLU: ["Leaky ReLU", "what is above 0 passes, all else is made small"],
  Dropout: ["Dropout", "drops numbers at random while training; here it passes everything, as in a prediction"],
  Flatten: ["Flatten", "the maps become one long row; no number changes"],
  Linear: ["Fully connected", "every output is a weighted sum of all inputs"],
  BatchNorm2d: ["Batch normalization", "each channel is brought to mean 0 and variance 1, then scaled and shifted"],
  LocalResponseNorm: ["Response normalization", "a large number damps its neighbors in the channel axis"],
  Sum: ["Residual sum", "what the layers computed is added to what they were given"],
};

const kindInWords = (node) => (KINDS[node.kind] ?? [node.kind])[0];
const kindExplained = (node) => (KINDS[node.kind] ?? [0, "a layer of its own kind; its numbers come from NumPy"])[1];

/* "64 × 64 × 16" */
const shapeText = (shape) => shape.join(" × ");

function shapeInWords(node) {
  const { shape } = node;
  return shape.length === 3
    ? `${counted(shape[2], "map")} of ${shape[0]} × ${shape[1]}`
    : counted(shape[0], "number");
}

/* conv1[12, 33, 5], score of donut, center x: how a unit is called. */
function unitName(node, unit) {
  if (node.number === told.class_end) return `score of ${told.classes[unit[0]]}`;
  if (node.number === told.box_end) {
    const of = told.per_class_boxes ? ` of ${told.classes[Math.floor(unit[0] / 4)]}` : "";
    return `${BOX_NUMBERS[unit[0] % 4]}${of}`;
  }
  return `${node.short}[${unit.join(", ")}]`;
}

/* A flattened number is better known by the map that it comes from: [node, unit]. */
function origin(node, place) {
  return node.kind === "Flatten" ? origin(nodes[node.inputs[0]], place) : [node, unitAt(node.shape, place)];
}

function selectOrigin(node, place) {
  const [from, unit] = origin(node, place);
  select(from.number, unit);
}

/* Where a unit is, in words. */
function unitPlace(node, unit) {
  if (unit.length === 3) {
    const what = node.kind === "Picture" ? `${["red", "green", "blue"][unit[2]]} channel` : `map ${unit[2]}`;
    return `row ${unit[0]}, column ${unit[1]}, ${what}`;
  }
  return `number ${unit[0]} of ${node.shape[0]}`;
}

/* What a parameter's element is called: conv1.w[0, 2, 1, 5] */
const parameterName = (node, name, index) => `${node.short}.${name}[${index.join(", ")}]`;

/* The name of a node's part of the network. */
const PARTS = { trunk: "Trunk", class: "Class head", box: "Box head" };

/* The sentence that is said, and read aloud, for what is selected. */
function sentence() {
  if (state.node === "class loss") return classSentence();
  if (state.node === "box loss") return boxSentence();
  if (state.node === null) return "Select a unit: click into a map, or move to one with Tab and use the arrow keys.";
  const node = nodes[state.node],
    name = unitName(node, state.unit),
    step = stepOf();
  const value = step.values[node.number][offset(node.shape, state.unit)];
  if (state.mode !== "backward") return `${name} is ${written(value)}. ${kindInWords(node)}: ${kindExplained(node)}.`;
  const gradient = step.gradients(state.head)[node.number][offset(node.shape, state.unit)];
  if (gradient === 0)
    return (
      `No gradient arrives at ${name}: moving it a little would not change the loss` +
      `${state.head === "both" ? "" : ` of ${HEAD_NAMES[state.head]}`}.`
    );
  const way = gradient > 0 ? "rise" : "fall";
  return (
    `If ${name} grew a little, the loss would ${way} by ${written(Math.abs(gradient))} times as much. ` +
    (node.part === "trunk"
      ? `This gradient comes from ${HEAD_NAMES[state.head]}.`
      : `This gradient comes from the ${node.part} loss.`)
  );
}

function classSentence() {
  const { picture, loss } = stepOf(),
    truth = told.classes[picture.label];
  return (
    `Softmax turns the scores into probabilities. The true class, ${truth}, gets ` +
    `${percent(loss.classes.p[picture.label])}; ` +
    `the loss is −log of that, ${written(loss.classes.value)}. Its gradient is p − onehot: it pushes ${truth} up ` +
    "and all others down."
  );
}

function boxSentence() {
  const { loss } = stepOf();
  return told.loss.box_loss === "L2Loss"
    ? `The box loss is the mean of four squared differences, ${written(loss.box.value)}. Its gradient is twice ` +
        "each difference, divided by four."
    : `The box loss (${told.loss.box_loss}) is ${written(loss.box.value)}; below are its four gradients.`;
}

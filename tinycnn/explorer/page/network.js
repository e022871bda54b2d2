/* The network: forward through all nodes, and the gradients back, once for each head. */
"use strict";

const nodes = told.nodes;

/* Give every node what its layer's formulas need. */
function prepareNodes(arrays) {
  for (const [key, { data }] of Object.entries(arrays)) if (key.endsWith(".value")) weights[key.slice(0, -6)] = data;
  nodes.forEach((node, number) => {
    node.number = number;
    node.from = node.inputs.length ? nodes[node.inputs[0]].shape : null;
    node.parameters ??= {};
    node.shapes = {};
    for (const [name, key] of Object.entries(node.parameters)) node.shapes[name] = arrays[`${key}.value`].shape;
    if (node.kind === "BatchNorm2d") {
      const buffer = (name) => arrays[`${node.name}.${name}.buffer`].data;
      node.buffers = { running_mean: buffer("running_mean"), running_var: buffer("running_var") };
    }
    node.layer = node.computed ? LAYERS[node.kind] : LAYERS.Recorded;
    if (!node.computed) {
      const parts = (key) => {
        const { shape, data } = arrays[`${node.name}.${key}`],
          size = product(shape.slice(1));
        return told.pictures.map((_, i) => Float64Array.from(data.subarray(i * size, (i + 1) * size)));
      };
      node.recorded = { y: parts("y"), class: parts("dx.class"), box: parts("dx.box") };
    }
    node.readers = [];
    for (const input of new Set(node.inputs)) nodes[input].readers.push(node);
  });
}

/* Whether this page can compute the network with other weights than the given ones. */
const computable = () => nodes.every((node) => node.computed);

/* The network's input for the pixels of a picture. */
function inputOf(number) {
  const size = product(nodes[0].shape),
    x = new Float64Array(size),
    from = pixels.data.subarray(number * size);
  for (let i = 0; i < size; i++) x[i] = (from[i] - told.pixel_mean[i % 3]) / told.pixel_scale[i % 3];
  return x;
}

/* y of every node, and what max pooling keeps of it. from: other weights than the network's own */
function forwardAll(picture, from = weights) {
  const values = [inputOf(picture)],
    keeps = nodes.map(() => ({}));
  for (const node of nodes.slice(1)) {
    const [x, other] = node.inputs.map((i) => values[i]);
    values.push(
      node.kind === "Sum"
        ? node.layer.forward(node, x, other)
        : node.layer.forward(node, x, keeps[node.number], from, picture),
    );
  }
  return { values, keeps };
}

/* The gradient that arrives at every node, for what the two heads are given. */
function backwardAll(values, keeps, dscores, dboxes, head, picture) {
  const arriving = nodes.map(() => null);
  arriving[told.class_end] = dscores;
  arriving[told.box_end] = dboxes;
  for (let i = nodes.length - 1; i > 0; i--) {
    const node = nodes[i],
      dx = node.layer.backward(node, values[node.inputs[0]], arriving[i], keeps[i], head, picture);
    for (const input of node.inputs)
      arriving[input] = arriving[input] ? arriving[input].map((a, k) => a + dx[k]) : dx;
  }
  return arriving;
}

/* One step of one picture. What nobody has asked for yet is not computed. */
class Step {
  constructor(picture) {
    this.number = picture;
    this.picture = told.pictures[picture];
    Object.assign(this, forwardAll(picture));
    this.loss = lossOf(this.values[told.class_end], this.values[told.box_end], this.picture);
    this.arriving = {};
    this.learned = {};
  }

  /* The gradients that arrive at all nodes, from "class", "box" or "both" heads. */
  gradients(head) {
    if (!this.arriving[head]) {
      const { dscores, dboxes } = this.loss;
      if (head === "both") {
        const [a, b] = [this.gradients("class"), this.gradients("box")];
        this.arriving.both = a.map((one, i) => one.map((value, k) => value + b[i][k]));
      } else
        this.arriving[head] = backwardAll(
          this.values,
          this.keeps,
          head === "class" ? dscores : dscores.map(() => 0),
          head === "box" ? dboxes : dboxes.map(() => 0),
          head,
          this.number,
        );
    }
    return this.arriving[head];
  }

  /* {"trunk.conv1.w": gradient} of all parameters, from a head or both. */
  parameters(head) {
    if (!this.learned[head]) {
      const found = {},
        arriving = this.gradients(head);
      for (const node of nodes) {
        if (!node.layer?.gradients || !node.computed) continue;
        const own = node.layer.gradients(node, this.values[node.inputs[0]], arriving[node.number]);
        for (const [name, gradient] of Object.entries(own)) found[node.parameters[name]] = gradient;
      }
      this.learned[head] = found;
    }
    return this.learned[head];
  }
}

/* The largest difference of this page's numbers from NumPy's, as a share, over all nodes, both ways; see contents.py. */
function compareWithNumPy(step) {
  const check = told.check[step.number],
    share = (mine, its) => Math.abs(mine - its) / Math.max(Math.abs(its), 1e-9);
  let worst = Math.max(
    share(step.loss.classes.value, check.losses.class),
    share(step.loss.box.value, check.losses.box),
  );
  nodes.forEach((node, i) => {
    worst = Math.max(worst, share(norm(step.values[i]), check.values[i]));
  });
  for (const head of ["class", "box"]) {
    const most = Math.max(...check[head]);
    step.gradients(head).forEach((a, i) => {
      worst = Math.max(worst, Math.abs(norm(a) - check[head][i]) / Math.max(check[head][i], 1e-6 * most, 1e-30));
    });
  }
  return worst;
}

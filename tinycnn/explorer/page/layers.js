/* The layers that treat each number, each row or each channel by itself: forward and backward, as the library has them.

   forward(node, x, more)           -> y            more: the second input of a Sum, otherwise what `keep` carries
   backward(node, x, dy, keep)      -> dx
   gradients(node, x, dy)           -> {w, b}       of the parameters, where there are some
   All arrays are flat, channels last; node.shape is that of y, node.from that of x. */
"use strict";

const weights = {}; // "trunk.conv1.w" -> Float32Array, filled by main.js

const LAYERS = {};

LAYERS.Sum = {
  forward: (node, x, other) => x.map((a, i) => a + other[i]),
  backward: (node, x, dy) => dy,
};

LAYERS.ReLU = {
  forward: (node, x) => x.map((a) => (a > 0 ? a : 0)),
  backward: (node, x, dy) => dy.map((d, i) => (x[i] > 0 ? d : 0)),
};

LAYERS.LeakyReLU = {
  forward: (node, x) => x.map((a) => (a > 0 ? a : node.args.negative_slope * a)),
  backward: (node, x, dy) => dy.map((d, i) => (x[i] > 0 ? d : node.args.negative_slope * d)),
};

LAYERS.Dropout = LAYERS.Flatten = {
  forward: (node, x) => x,
  backward: (node, x, dy) => dy,
};

LAYERS.Linear = {
  forward(node, x, keep, from = weights) {
    const w = from[node.parameters.w],
      f = node.shape[0];
    const y = node.parameters.b ? Float64Array.from(from[node.parameters.b]) : new Float64Array(f);
    for (let i = 0; i < x.length; i++) {
      const a = x[i],
        row = i * f;
      if (a !== 0) for (let j = 0; j < f; j++) y[j] += a * w[row + j];
    }
    return y;
  },
  backward(node, x, dy) {
    const w = weights[node.parameters.w],
      f = node.shape[0],
      dx = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      let total = 0;
      for (let j = 0; j < f; j++) total += dy[j] * w[i * f + j];
      dx[i] = total;
    }
    return dx;
  },
  gradients(node, x, dy) {
    const f = node.shape[0],
      w = new Float64Array(x.length * f);
    for (let i = 0; i < x.length; i++) if (x[i] !== 0) for (let j = 0; j < f; j++) w[i * f + j] = x[i] * dy[j];
    return node.parameters.b ? { w, b: dy } : { w };
  },
};

/* In a prediction: y = (x - mean) * scale * w + b with scale = 1 / sqrt(var + eps), channel by channel. */
LAYERS.BatchNorm2d = {
  scale(node, c) {
    return 1 / Math.sqrt(node.buffers.running_var[c] + node.args.eps);
  },
  forward(node, x, keep, from = weights) {
    const channels = node.shape[2],
      w = from[node.parameters.w],
      b = from[node.parameters.b];
    const mean = node.buffers.running_mean,
      y = new Float64Array(x.length);
    for (let c = 0; c < channels; c++) {
      const scale = this.scale(node, c);
      for (let i = c; i < x.length; i += channels) y[i] = (x[i] - mean[c]) * scale * w[c] + b[c];
    }
    return y;
  },
  backward(node, x, dy) {
    const channels = node.shape[2],
      w = weights[node.parameters.w],
      dx = new Float64Array(x.length);
    for (let c = 0; c < channels; c++) {
      const factor = this.scale(node, c) * w[c];
      for (let i = c; i < x.length; i += channels) dx[i] = dy[i] * factor;
    }
    return dx;
  },
  gradients(node, x, dy) {
    const channels = node.shape[2],
      w = new Float64Array(channels),
      b = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) {
      const c = i % channels;
      b[c] += dy[i];
      w[c] += dy[i] * (x[i] - node.buffers.running_mean[c]) * this.scale(node, c);
    }
    return { w, b };
  },
};

/* y = x / s ** beta with s = k + a * (sum of x ** 2 over `size` neighboring channels). */
LAYERS.LocalResponseNorm = {
  a: (node) => (node.args.divide_alpha ? node.args.alpha / node.args.size : node.args.alpha),
  window(node, c) {
    // the channels that damp channel c
    const first = c - Math.floor(node.args.size / 2);
    return [Math.max(0, first), Math.min(node.shape[2], first + node.args.size)];
  },
  s(node, x, pixel, c) {
    const [from, to] = this.window(node, c);
    let squares = 0;
    for (let k = from; k < to; k++) squares += x[pixel + k] ** 2;
    return node.args.k + this.a(node) * squares;
  },
  forward(node, x) {
    const channels = node.shape[2],
      y = new Float64Array(x.length);
    for (let pixel = 0; pixel < x.length; pixel += channels)
      for (let c = 0; c < channels; c++) y[pixel + c] = x[pixel + c] * this.s(node, x, pixel, c) ** -node.args.beta;
    return y;
  },
  /* What x[c] adds to the gradient through the s of channel k. */
  through(node, x, dy, pixel, c, k) {
    const s = this.s(node, x, pixel, k),
      { beta } = node.args;
    return -2 * this.a(node) * beta * x[pixel + c] * dy[pixel + k] * x[pixel + k] * s ** (-beta - 1);
  },
  damped(node, c) {
    // the channels that channel c damps: its window mirrored
    const first = c - Math.floor((node.args.size - 1) / 2);
    return [Math.max(0, first), Math.min(node.shape[2], first + node.args.size)];
  },
  backward(node, x, dy) {
    const channels = node.shape[2],
      dx = new Float64Array(x.length),
      { beta } = node.args;
    for (let pixel = 0; pixel < x.length; pixel += channels) {
      const s = Array.from({ length: channels }, (_, c) => this.s(node, x, pixel, c));
      const through = s.map((value, k) => dy[pixel + k] * x[pixel + k] * value ** (-beta - 1));
      for (let c = 0; c < channels; c++) {
        const [from, to] = this.damped(node, c);
        let total = 0;
        for (let k = from; k < to; k++) total += through[k];
        dx[pixel + c] = dy[pixel + c] * s[c] ** -beta - 2 * this.a(node) * beta * x[pixel + c] * total;
      }
    }
    return dx;
  },
};

LAYERS.GlobalAvgPool2d = {
  forward(node, x) {
    const channels = node.shape[0],
      y = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) y[i % channels] += x[i];
    return y.map((a) => a / (x.length / channels));
  },
  backward(node, x, dy) {
    const channels = node.shape[0];
    return x.map((_, i) => dy[i % channels] / (x.length / channels));
  },
};

/* A layer that only NumPy can compute: its values were written down. */
LAYERS.Recorded = {
  forward: (node, x, keep, from, picture) => node.recorded.y[picture],
  backward: (node, x, dy, keep, head, picture) => node.recorded[head][picture],
};

/* The layers with a window that slides over the picture: convolution and pooling, as in tinycnn/layers, patches.py. */
"use strict";

/* The places of x under the window of output (oy, ox): {ky, kx, y, x, inside}, row by row. */
function windowAt(node, oy, ox) {
  const {
    kernel: [kh, kw],
    stride: [sh, sw],
    padding: [ph, pw],
    dilation: [dh, dw] = [1, 1],
  } = node.args;
  const [h, w] = node.from,
    places = [];
  for (let ky = 0; ky < kh; ky++)
    for (let kx = 0; kx < kw; kx++) {
      const y = oy * sh + ky * dh - ph,
        x = ox * sw + kx * dw - pw;
      places.push({ ky, kx, y, x, inside: y >= 0 && y < h && x >= 0 && x < w });
    }
  return places;
}

/* The windows that see the pixel (y, x) of the layer below: {oy, ox, ky, kx}, by place in the window. */
function windowsOver(node, y, x) {
  const {
    kernel: [kh, kw],
    stride: [sh, sw],
    padding: [ph, pw],
    dilation: [dh, dw] = [1, 1],
  } = node.args;
  const [oh, ow] = node.shape,
    found = [];
  for (let ky = 0; ky < kh; ky++)
    for (let kx = 0; kx < kw; kx++) {
      const up = y + ph - ky * dh,
        left = x + pw - kx * dw;
      if (up % sh || left % sw || up < 0 || left < 0) continue;
      const oy = up / sh,
        ox = left / sw;
      if (oy < oh && ox < ow) found.push({ oy, ox, ky, kx });
    }
  return found;
}

/* Calls visit(place in y, place in x, place in w, group) for every pixel under every window; channels are left to it. */
function eachPlace(node, visit) {
  const {
    kernel: [kh, kw],
    stride: [sh, sw],
    padding: [ph, pw],
    dilation: [dh, dw] = [1, 1],
  } = node.args;
  const [h, w, c] = node.from,
    [oh, ow, f] = node.shape,
    inner = (c / (node.args.groups ?? 1)) * f;
  for (let oy = 0; oy < oh; oy++)
    for (let ky = 0; ky < kh; ky++) {
      const y = oy * sh + ky * dh - ph;
      if (y < 0 || y >= h) continue;
      for (let ox = 0; ox < ow; ox++)
        for (let kx = 0; kx < kw; kx++) {
          const x = ox * sw + kx * dw - pw;
          if (x >= 0 && x < w) visit((oy * ow + ox) * f, (y * w + x) * c, (ky * kw + kx) * inner);
        }
    }
}

LAYERS.Conv2d = {
  forward(node, x, keep, from = weights) {
    const w = from[node.parameters.w],
      b = node.parameters.b ? from[node.parameters.b] : null;
    const f = node.shape[2],
      c = node.from[2],
      { groups } = node.args,
      cg = c / groups,
      fg = f / groups;
    const y = new Float64Array(product(node.shape));
    if (b) for (let i = 0; i < y.length; i++) y[i] = b[i % f];
    eachPlace(node, (to, at, kernel) => {
      for (let k = 0; k < c; k++) {
        const a = x[at + k];
        if (a === 0) continue;
        const group = groups === 1 ? 0 : Math.floor(k / cg),
          first = group * fg;
        const row = kernel + (k - group * cg) * f + first,
          out = to + first;
        for (let j = 0; j < fg; j++) y[out + j] += a * w[row + j];
      }
    });
    return y;
  },
  backward(node, x, dy) {
    const w = weights[node.parameters.w],
      f = node.shape[2],
      c = node.from[2],
      dx = new Float64Array(x.length);
    const { groups } = node.args,
      cg = c / groups,
      fg = f / groups;
    eachPlace(node, (to, at, kernel) => {
      for (let k = 0; k < c; k++) {
        const group = groups === 1 ? 0 : Math.floor(k / cg),
          first = group * fg;
        const row = kernel + (k - group * cg) * f + first,
          out = to + first;
        let total = 0;
        for (let j = 0; j < fg; j++) total += dy[out + j] * w[row + j];
        dx[at + k] += total;
      }
    });
    return dx;
  },
  gradients(node, x, dy) {
    const f = node.shape[2],
      c = node.from[2],
      {
        groups,
        kernel: [kh, kw],
      } = node.args,
      cg = c / groups,
      fg = f / groups;
    const dw = new Float64Array(kh * kw * cg * f),
      db = new Float64Array(f);
    eachPlace(node, (to, at, kernel) => {
      for (let k = 0; k < c; k++) {
        const a = x[at + k];
        if (a === 0) continue;
        const group = groups === 1 ? 0 : Math.floor(k / cg),
          first = group * fg;
        const row = kernel + (k - group * cg) * f + first,
          out = to + first;
        for (let j = 0; j < fg; j++) dw[row + j] += a * dy[out + j];
      }
    });
    for (let i = 0; i < dy.length; i++) db[i % f] += dy[i];
    return node.parameters.b ? { w: dw, b: db } : { w: dw };
  },
};

/* keep.winners: for each output the place in x of the largest under its window, the first among equals. */
LAYERS.MaxPool2d = {
  forward(node, x, keep) {
    const [oh, ow, channels] = node.shape,
      width = node.from[1],
      y = new Float64Array(oh * ow * channels);
    const winners = new Int32Array(y.length);
    for (let oy = 0, i = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const places = windowAt(node, oy, ox).filter((place) => place.inside);
        for (let c = 0; c < channels; c++, i++) {
          let best = -Infinity;
          for (const place of places) {
            const at = (place.y * width + place.x) * channels + c;
            if (x[at] > best) [best, winners[i]] = [x[at], at];
          }
          y[i] = best;
        }
      }
    if (keep) keep.winners = winners;
    return y;
  },
  backward(node, x, dy, keep) {
    const dx = new Float64Array(x.length);
    for (let i = 0; i < dy.length; i++) dx[keep.winners[i]] += dy[i];
    return dx;
  },
};

LAYERS.AvgPool2d = {
  /* How many numbers the mean of a window divides by: its pixels, and those of the padding where they count. */
  count(node, oy, ox) {
    const [h, w] = node.from,
      [ph, pw] = node.args.padding;
    return windowAt(node, oy, ox).filter((place) =>
      node.args.count_include_pad ? place.y < h + ph && place.x < w + pw : place.inside,
    ).length;
  },
  forward(node, x) {
    const [oh, ow, channels] = node.shape,
      width = node.from[1],
      y = new Float64Array(oh * ow * channels);
    for (let oy = 0, i = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const places = windowAt(node, oy, ox).filter((place) => place.inside),
          count = this.count(node, oy, ox);
        for (let c = 0; c < channels; c++, i++) {
          for (const place of places) y[i] += x[(place.y * width + place.x) * channels + c];
          y[i] /= count;
        }
      }
    return y;
  },
  backward(node, x, dy) {
    const [oh, ow, channels] = node.shape,
      width = node.from[1],
      dx = new Float64Array(x.length);
    for (let oy = 0, i = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const places = windowAt(node, oy, ox).filter((place) => place.inside),
          count = this.count(node, oy, ox);
        for (let c = 0; c < channels; c++, i++)
          for (const place of places) dx[(place.y * width + place.x) * channels + c] += dy[i] / count;
      }
    return dx;
  },
};

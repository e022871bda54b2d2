/* The loss of one picture, and where the gradient starts: tinycnn/losses.py and box_losses.py for a batch of one. */
"use strict";

function softmax(scores) {
  const most = Math.max(...scores),
    powers = Array.from(scores, (score) => Math.exp(score - most));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/* {value, p, truth, d}: -sum(truth * log p) and its gradient p - truth, without the weight of the loss. */
function classLoss(scores, label) {
  const e = told.loss.label_smoothing,
    k = scores.length,
    p = softmax(scores);
  const truth = p.map((_, i) => (i === label ? 1 - e : 0) + e / k);
  const most = Math.max(...scores),
    total = Math.log(sum(Array.from(scores, (score) => Math.exp(score - most))));
  const value = -sum(truth.map((share, i) => share * (scores[i] - most - total)));
  return { value, p, truth, d: p.map((share, i) => share - truth[i]) };
}

const BOX_LOSSES = {
  L2Loss(pred, target) {
    const difference = pred.map((a, i) => a - target[i]),
      count = pred.length;
    return {
      difference,
      value: sum(difference.map((d) => d * d)) / count,
      d: difference.map((d) => (2 * d) / count),
    };
  },
  SmoothL1Loss(pred, target) {
    const { beta } = told.loss,
      difference = pred.map((a, i) => a - target[i]),
      count = pred.length;
    const terms = difference.map((d) => (Math.abs(d) < beta ? (d * d) / (2 * beta) : Math.abs(d) - beta / 2));
    const slopes = difference.map((d) => (Math.abs(d) < beta ? d / beta : Math.sign(d)) / count);
    return { difference, value: sum(terms) / count, d: slopes };
  },
  /* 1 - GIoU = 2 - I / U - U / C of the two boxes; the slopes by hand, as in tinycnn/box_losses.py. */
  GIoULoss(pred, target) {
    const smallest = 1e-3,
      corners = (standardized) => {
        const code = standardized.map((a, i) => a * told.box_std[i] + told.box_mean[i]);
        const side = [Math.max(code[3], smallest), Math.max(code[2], smallest)];
        return {
          side,
          low: [0, 1].map((i) => code[i] - side[i] / 2),
          high: [0, 1].map((i) => code[i] + side[i] / 2),
          floored: [code[3] < smallest, code[2] < smallest],
        };
      };
    const a = corners(pred),
      b = corners(target),
      axes = [0, 1];
    const shared = axes.map((i) => Math.max(0, Math.min(a.high[i], b.high[i]) - Math.max(a.low[i], b.low[i])));
    const around = axes.map((i) => Math.max(a.high[i], b.high[i]) - Math.min(a.low[i], b.low[i]));
    const I = shared[0] * shared[1],
      C = around[0] * around[1];
    const U = a.side[0] * a.side[1] + b.side[0] * b.side[1] - I;
    const dI = -1 / U - I / U ** 2 + 1 / C,
      dArea = I / U ** 2 - 1 / C,
      dC = U / C ** 2;
    const center = [],
      size = [];
    for (const i of axes) {
      const other = 1 - i,
        dShared = shared[i] > 0 ? dI * shared[other] : 0,
        dAround = dC * around[other];
      const dHigh = (a.high[i] < b.high[i] ? dShared : 0) + (a.high[i] > b.high[i] ? dAround : 0);
      const dLow = -(a.low[i] > b.low[i] ? dShared : 0) - (a.low[i] < b.low[i] ? dAround : 0);
      center.push(dHigh + dLow);
      size.push(a.floored[i] ? 0 : dArea * a.side[other] + (dHigh - dLow) / 2);
    }
    const d = [center[0], center[1], size[1], size[0]].map((slope, i) => slope * told.box_std[i]);
    return { difference: pred.map((p, i) => p - target[i]), value: 2 - I / U - U / C, d };
  },
};

/* The four numbers of the box head that the loss looks at: those of the true class, where each class has its own. */
const boxStart = (label) => (told.per_class_boxes ? 4 * label : 0);

/* Both terms and their weighted sum, for the outputs of the two heads and one picture of told.pictures. */
function lossOf(scores, boxes, picture) {
  const start = boxStart(picture.label),
    classes = classLoss(scores, picture.label);
  const pred = Array.from(boxes.slice(start, start + 4)),
    box = BOX_LOSSES[told.loss.box_loss](pred, picture.target);
  const { class_weight, box_weight } = told.loss;
  const dscores = Float64Array.from(classes.d, (d) => class_weight * d),
    dboxes = new Float64Array(boxes.length);
  box.d.forEach((d, i) => {
    dboxes[start + i] = box_weight * d;
  });
  return { classes, box, pred, total: class_weight * classes.value + box_weight * box.value, dscores, dboxes };
}

/* The box head's four numbers -> (xmin, ymin, xmax, ymax) in shares of the picture, clipped to it. */
function boxOf(pred) {
  const [cx, cy, h, w] = pred.map((a, i) => a * told.box_std[i] + told.box_mean[i]);
  return cornersOf([cx, cy, h, w]);
}

function cornersOf([cx, cy, h, w]) {
  const height = Math.max(h, 0),
    width = Math.max(w, 0);
  return [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2].map((a) => Math.min(1, Math.max(0, a)));
}

function overlap(a, b) {
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const all = area(a) + area(b) - width * height;
  return all > 0 ? (width * height) / all : 0;
}

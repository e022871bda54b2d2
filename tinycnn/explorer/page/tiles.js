/* Tiles: numbers (H, W, C) drawn as C small pictures, of which one number can be picked, and marked. */
"use strict";

const TALLEST = 240; // pixels of a card's maps

/* {columns, rows, edge, tall, gap}: the largest tiles with which c maps of h x w fit. */
function tiles([h, w, c], width, tallest = TALLEST) {
  const gap = c > 64 || h === 1 ? 1 : 3;
  for (let columns = 1; ; columns++) {
    const room = Math.floor((width - (columns - 1) * gap) / columns);
    const edge = Math.max(2, Math.min(room, h === 1 ? 22 : 8 * w, 180)),
      tall = Math.max(2, Math.round((edge * h) / w));
    const rows = Math.ceil(c / columns);
    if (rows * (tall + gap) <= tallest || columns >= c || room <= 3) return { columns, rows, edge, tall, gap };
  }
}

/* The size that becomes the full color: nearly the largest, so that one number does not darken all others. */
function scaleOf(numbers) {
  const step = Math.max(1, Math.floor(numbers.length / 8000)),
    some = [];
  for (let i = 0; i < numbers.length; i += step) some.push(Math.abs(numbers[i]));
  some.sort((a, b) => a - b);
  const most = some[Math.floor(0.995 * (some.length - 1))];
  return most || some[some.length - 1] || 1;
}

/* Draw numbers (H, W, C) as tiles on a canvas. */
function drawMaps(canvas, shape, numbers, layout, scale) {
  const [h, w, c] = shape,
    { columns, edge, tall, gap } = layout,
    ratio = Math.min(2, window.devicePixelRatio || 1);
  const width = columns * (edge + gap) - gap,
    height = layout.rows * (tall + gap) - gap;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d"),
    small = document.createElement("canvas");
  Object.assign(small, { width: w * columns, height: h * layout.rows });
  const inner = small.getContext("2d"),
    image = inner.createImageData(small.width, small.height);
  for (let k = 0; k < c; k++) {
    const left = (k % columns) * w,
      top = Math.floor(k / columns) * h;
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const [r, g, b] = colorOf(numbers[(y * w + x) * c + k] / scale),
          to = 4 * ((top + y) * small.width + left + x);
        image.data[to] = r;
        image.data[to + 1] = g;
        image.data[to + 2] = b;
        image.data[to + 3] = 255;
      }
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  for (let k = 0; k < c; k++) {
    const column = k % columns,
      row = Math.floor(k / columns);
    context.drawImage(
      small,
      column * w,
      row * h,
      w,
      h,
      column * (edge + gap) * ratio,
      row * (tall + gap) * ratio,
      edge * ratio,
      tall * ratio,
    );
  }
}

/* Draw the pixels of a picture, and boxes on it: [{box: shares, color, dash}]. */
function drawPicture(canvas, number, side, boxes = []) {
  const size = told.image_size,
    small = document.createElement("canvas"),
    ratio = Math.min(2, window.devicePixelRatio || 1);
  Object.assign(small, { width: size, height: size });
  const image = small.getContext("2d").createImageData(size, size),
    from = number * size * size * 3;
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels.data[from + 3 * i + c];
    image.data[4 * i + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  Object.assign(canvas, { width: side * ratio, height: side * ratio });
  Object.assign(canvas.style, { width: `${side}px`, height: `${side}px` });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, side * ratio, side * ratio);
  for (const { box, color, dash } of boxes) {
    const [x, y, right, low] = box.map((share) => share * side * ratio);
    for (const [style, width] of [
      ["#fff", 4],
      [color, 2],
    ]) {
      context.setLineDash(dash && style !== "#fff" ? [5 * ratio, 3 * ratio] : []);
      Object.assign(context, { strokeStyle: style, lineWidth: width * ratio });
      context.strokeRect(x, y, right - x, low - y);
    }
  }
}

/* A frame with tiles in it, which can be clicked into and has keys. Who extends it says what the tiles are (shape), what
   happens to a number that is picked, choose([y, x, tile]), and what a key does, press(event). */
class Tiles {
  constructor(shape, what, label, data) {
    this.shape = shape;
    this.canvas = el("canvas", { class: "maps", "aria-hidden": "true" });
    this.marks = el("canvas", { class: "marks", "aria-hidden": "true" });
    this.element = el(
      "div",
      { class: "frame", tabindex: 0, role: "application", "aria-roledescription": what, "aria-label": label, ...data },
      this.canvas,
      this.marks,
    );
    this.element.addEventListener("pointerdown", (event) => this.pick(event));
    this.element.addEventListener("keydown", (event) => this.press(event));
  }

  paint(numbers, layout) {
    this.layout = layout;
    drawMaps(this.canvas, this.shape, numbers, layout, scaleOf(numbers));
    Object.assign(this.marks, { width: this.canvas.width, height: this.canvas.height });
    Object.assign(this.marks.style, { width: this.canvas.style.width, height: this.canvas.style.height });
    this.mark([]);
  }

  pick(event) {
    const area = this.canvas.getBoundingClientRect(),
      found = this.under(event.clientX - area.left, event.clientY - area.top);
    if (found) this.choose(found);
  }

  /* The number under a place of the canvas in CSS pixels, [y, x, tile], or null between tiles. */
  under(left, top) {
    const { columns, edge, tall, gap } = this.layout,
      [h, w, c] = this.shape;
    const column = Math.floor(left / (edge + gap)),
      row = Math.floor(top / (tall + gap)),
      k = row * columns + column;
    const x = Math.floor(((left - column * (edge + gap)) / edge) * w),
      y = Math.floor(((top - row * (tall + gap)) / tall) * h);
    if (k >= c || column >= columns || x < 0 || y < 0 || x >= w || y >= h) return null;
    return [y, x, k];
  }

  /* The middle of a number in CSS pixels of the canvas; under finds it again. */
  middle([y, x, k]) {
    const { columns, edge, tall, gap } = this.layout,
      [h, w] = this.shape;
    return [
      (k % columns) * (edge + gap) + ((x + 0.5) * edge) / w,
      Math.floor(k / columns) * (tall + gap) + ((y + 0.5) * tall) / h,
    ];
  }

  /* Mark rectangles: [{rows: [from, to], columns: [from, to], channel: a tile or null for all, color, width}]. */
  mark(marks) {
    const context = this.marks.getContext("2d"),
      ratio = this.marks.width / (parseFloat(this.canvas.style.width) || 1);
    const { columns, edge, tall, gap } = this.layout,
      [h, w, c] = this.shape;
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    for (const { rows, columns: across, channel, color, width = 2 } of marks) {
      for (let k = channel ?? 0; k < (channel === null ? c : channel + 1); k++) {
        const left = (k % columns) * (edge + gap),
          top = Math.floor(k / columns) * (tall + gap);
        const x = left + (Math.max(0, across[0]) * edge) / w,
          y = top + (Math.max(0, rows[0]) * tall) / h;
        const right = left + (Math.min(w, across[1]) * edge) / w,
          low = top + (Math.min(h, rows[1]) * tall) / h;
        const wide = Math.max(right - x, 4),
          high = Math.max(low - y, 4);
        const thick = edge < 12 ? 1 : width;
        for (const [style, line] of [
          ["#fff", thick + 2],
          [color, thick],
        ]) {
          Object.assign(context, { strokeStyle: style, lineWidth: line * ratio });
          context.strokeRect(x * ratio, y * ratio, wide * ratio, high * ratio);
        }
      }
    }
  }
}

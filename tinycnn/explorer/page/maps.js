/* Maps: the numbers of a layer drawn as tiles, one for each channel, and the unit that is selected among them. */
"use strict";

const TALLEST = 240; // pixels of a card's maps

/* How a node's numbers are drawn: as maps (H, W, C), a vector as one tile for each number. */
function drawnShape(node) {
  if (node.kind === "Flatten" && node.from.length === 3) return node.from; // the same numbers in the same order
  return node.shape.length === 3 ? node.shape : [1, 1, node.shape[0]];
}

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

/* The maps of one node, in which units can be selected by a click or with the keys. */
class Maps {
  constructor(node) {
    this.node = node;
    this.whole = null;
    this.shape = drawnShape(node);
    this.canvas = el("canvas", { class: "maps", "aria-hidden": "true" });
    this.marks = el("canvas", { class: "marks", "aria-hidden": "true" });
    this.element = el(
      "div",
      {
        class: "frame",
        tabindex: 0,
        role: "application",
        "aria-roledescription": "maps",
        "data-node": node.number,
        "aria-label":
          `${node.short}: ${shapeInWords(node)}. Arrow keys move the selected unit, ` +
          "Page Up and Page Down change the channel.",
      },
      this.canvas,
      this.marks,
    );
    this.element.addEventListener("pointerdown", (event) => this.pick(event));
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  draw(width) {
    const numbers = shownOf(this.node);
    if (this.whole) width = Math.min(3 * 186, width - this.whole(width) - 12);
    this.layout = tiles(this.shape, width, window.innerWidth < 700 ? 200 : TALLEST);
    this.scale = scaleOf(numbers);
    drawMaps(this.canvas, this.shape, numbers, this.layout, this.scale);
    Object.assign(this.marks, { width: this.canvas.width, height: this.canvas.height });
    this.marks.style.width = this.canvas.style.width;
    this.marks.style.height = this.canvas.style.height;
    this.mark([]);
  }

  /* The unit under a place of the canvas in CSS pixels, or null between tiles. */
  unitUnder(left, top) {
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

  /* The middle of a unit in CSS pixels of the canvas; unitUnder finds it again. */
  middle([y, x, k]) {
    const { columns, edge, tall, gap } = this.layout,
      [h, w] = this.shape;
    return [
      (k % columns) * (edge + gap) + ((x + 0.5) * edge) / w,
      Math.floor(k / columns) * (tall + gap) + ((y + 0.5) * tall) / h,
    ];
  }

  /* A drawn unit as the unit of the node's output, and back. */
  own(unit) {
    return unitAt(this.node.shape, offset(this.shape, unit));
  }
  drawn(unit) {
    return unitAt(this.shape, offset(this.node.shape, unit));
  }

  pick(event) {
    const area = this.canvas.getBoundingClientRect(),
      unit = this.unitUnder(event.clientX - area.left, event.clientY - area.top);
    if (unit) select(this.node.number, this.own(unit));
  }

  key(event) {
    const [h, w, c] = this.shape,
      { columns } = this.layout;
    let [y, x, k] = state.node === this.node.number && state.unit ? this.drawn(state.unit) : [0, 0, 0];
    const flat = h === 1 && w === 1,
      moves = {
        ArrowLeft: () => (flat ? k-- : x--),
        ArrowRight: () => (flat ? k++ : x++),
        PageUp: () => k--,
        PageDown: () => k++,
        ArrowUp: () => (flat ? (k -= columns) : y--),
        ArrowDown: () => (flat ? (k += columns) : y++),
        Enter: () => 0,
      };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
    if (k < 0 || k >= c) return;
    [y, x] = [Math.min(h - 1, Math.max(0, y)), Math.min(w - 1, Math.max(0, x))];
    select(this.node.number, this.own([y, x, k]));
  }

  /* Mark rectangles: [{rows: [from, to], columns: [from, to], channel: number or null for all, color, width}]. */
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

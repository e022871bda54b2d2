/* The numbers of this page: how they come out of the packed text, and how they are written. */
"use strict";

const told = JSON.parse(document.getElementById("told").textContent);
const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

/* {key: {shape, data}}: the arrays of the packed text, see tinycnn/explorer/pack.py. */
async function unpack(text, index) {
  const letters = atob(text),
    packed = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const arrays = {};
  let start = 0;
  for (const { key, shape, type } of index) {
    const size = shape.reduce((a, b) => a * b, 1),
      width = TYPES[type].BYTES_PER_ELEMENT;
    const one = new Uint8Array(size * width);
    for (let rank = 0; rank < width; rank++) {
      // the highest bytes of all numbers come first
      const from = start + rank * size,
        place = width - 1 - rank;
      for (let i = 0; i < size; i++) one[i * width + place] = bytes[from + i];
    }
    arrays[key] = { shape, data: new TYPES[type](one.buffer) };
    start += size * width;
  }
  return arrays;
}

/* A number with so many digits that mean something: 0.0123, −1.50, 123456, 1.23e−7. */
function written(value, digits = 3) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  let text;
  if (size < 1e-4 || size >= 1e6) text = value.toExponential(digits - 1);
  else {
    const before = Math.floor(Math.log10(Number(size.toPrecision(digits)))) + 1;
    text = value.toFixed(Math.max(0, digits - before));
  }
  return text.replace("e+", "e").replaceAll("-", "−");
}

/* A share of 1 as a percentage. */
function percent(value) {
  const hundredths = 100 * value;
  return `${hundredths < 9.95 ? hundredths.toFixed(1) : hundredths.toFixed(0)} %`;
}

const counted = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

const product = (shape) => shape.reduce((a, b) => a * b, 1);

/* The place of a unit in a flat array: (y, x, c) in (H, W, C), or (i) in (D). */
function offset(shape, unit) {
  return shape.length === 3 ? (unit[0] * shape[1] + unit[1]) * shape[2] + unit[2] : unit[0];
}

/* The unit at a place in a flat array. */
function unitAt(shape, place) {
  if (shape.length !== 3) return [place];
  const c = place % shape[2],
    pixel = (place - c) / shape[2];
  return [Math.floor(pixel / shape[1]), pixel % shape[1], c];
}

/* Positions of the numbers that are largest in size, at most `most` of them, from the largest. */
function largest(numbers, most) {
  const places = Array.from(numbers.keys());
  places.sort((a, b) => Math.abs(numbers[b]) - Math.abs(numbers[a]) || a - b);
  return places.slice(0, most);
}

function sum(numbers) {
  let total = 0;
  for (const a of numbers) total += a;
  return total;
}

/* Root of the sum of squares. */
function norm(numbers) {
  let total = 0;
  for (const a of numbers) total += a * a;
  return Math.sqrt(total);
}

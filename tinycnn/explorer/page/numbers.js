/* The numbers of this page: how they come out of the packed text, and how they are written. */
"use strict";

const told = JSON.parse(document.getElementById("told").textContent);
const TYPES = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=>?@^_`{|}~";

/* The bytes of a text in base 85: five letters are four bytes; at the end, fewer of both. */
function bytesOf(text) {
  const values = new Uint8Array(128);
  for (let i = 0; i < LETTERS.length; i++) values[LETTERS.charCodeAt(i)] = i;
  const missing = (5 - (text.length % 5)) % 5;
  const bytes = new Uint8Array(((text.length + missing) / 5) * 4);
  for (let from = 0, to = 0; from < text.length; from += 5, to += 4) {
    let whole = 0;
    for (let i = 0; i < 5; i++)
      whole = whole * 85 + (from + i < text.length ? values[text.charCodeAt(from + i)] : 84);
    bytes[to] = whole >>> 24;
    bytes[to + 1] = whole >>> 16;
    bytes[to + 2] = whole >>> 8;
    bytes[to + 3] = whole;
  }
  return bytes.subarray(0, bytes.length - missing);
}

/* {key: {shape, data}}: the arrays of the packed text, see tinycnn/explorer/pack.py. */
async function unpack(text, index) {
  const stream = new Blob([bytesOf(text.trim())]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const arrays = {};
  let start = 0;
  for (const { key, shape, type } of index) {
    const size = product(shape);
    const width = TYPES[type].BYTES_PER_ELEMENT;
    const one = new Uint8Array(size * width);
    for (let rank = 0; rank < width; rank++) {
      // the highest bytes of all numbers come first
      const from = start + rank * size;
      for (let i = 0, to = width - 1 - rank; i < size; i++, to += width) one[to] = bytes[from + i];
    }
    if (type === "float32") {
      const whole = new Uint32Array(one.buffer); // the sign was moved from the front to the end
      for (let i = 0; i < size; i++) whole[i] = (whole[i] >>> 1) | (whole[i] << 31);
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

/* Positions of the numbers that are largest in size, at most `most` of them, from the largest; few are asked for. */
function largest(numbers, most) {
  const found = [];
  for (let i = 0; i < numbers.length; i++) {
    const size = Math.abs(numbers[i]);
    if (found.length === most && !(size > Math.abs(numbers[found[most - 1]]))) continue;
    let at = found.length;
    while (at > 0 && size > Math.abs(numbers[found[at - 1]])) at--;
    found.splice(at, 0, i);
    if (found.length > most) found.pop();
  }
  return found;
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

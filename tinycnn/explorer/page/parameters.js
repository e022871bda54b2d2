/* Parameters: their values, gradients and updates as pictures, and one of them written out. */
"use strict";

/* How a parameter is drawn as tiles: {shape: (h, w, tiles), numbers, index(y, x, tile) -> place in the parameter}. */
function parameterTiles(node, name) {
  const shape = node.shapes[name];
  if (shape.length === 4) {
    // (KH, KW, C, F): one tile for each filter and channel, a row of tiles for each channel
    const [kh, kw, c, f] = shape;
    return {
      shape: [kh, kw, c * f],
      columns: f,
      place: (y, x, tile) => ((y * kw + x) * c + Math.floor(tile / f)) * f + (tile % f),
    };
  }
  // (D, F): a row for each output
  if (shape.length === 2) return { shape: [shape[1], shape[0], 1], place: (y, x) => x * shape[1] + y };
  return { shape: [1, product(shape), 1], place: (y, x) => x };
}

/* A parameter as tiles, of which one number is selected. */
class ParameterMap extends Tiles {
  constructor(node, name) {
    const key = node.parameters[name],
      how = parameterTiles(node, name),
      words = shapeText(node.shapes[name]);
    const label = `${node.short}.${name}: ${words} parameters. Arrow keys move the selected one.`;
    super(how.shape, "parameters", label, { "data-parameter": key });
    Object.assign(this, { node, name, key, how });
  }

  draw(width) {
    const numbers = parameterShown(this.key),
      [h, w, count] = this.shape,
      drawn = new Float64Array(product(this.shape));
    for (let tile = 0; tile < count; tile++)
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) drawn[(y * w + x) * count + tile] = numbers[this.how.place(y, x, tile)];
    const columns = this.how.columns ?? 1,
      gap = count > 600 ? 0 : 1;
    const edge = Math.max(1, Math.min(Math.floor((width - columns * gap) / columns), 10 * w)),
      rows = Math.ceil(count / columns);
    let tall =
      count > 1 ? Math.max(1, Math.round((edge * h) / w)) : Math.max(12, Math.min(200, Math.round((edge / w) * h)));
    if (count > 1 && rows * (tall + gap) > 420) tall = Math.max(1, Math.floor(420 / rows) - gap);
    this.paint(drawn, { columns, rows, edge, tall, gap });
  }

  choose(drawn) {
    this.select(this.how.place(...drawn));
  }

  select(place) {
    change({ node: this.node.number, unit: this.node.shape.map(() => 0), parameter: { name: this.name, place } });
  }

  /* The place of the selected number where it is one of these, or null. */
  selected() {
    return state.node === this.node.number && state.parameter?.name === this.name ? state.parameter.place : null;
  }

  press(event) {
    const row = this.node.shapes[this.name].at(-1),
      moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row, Enter: 0 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const before = this.selected(),
      place = before === null ? 0 : before + moves[event.key];
    if (place >= 0 && place < product(this.node.shapes[this.name])) this.select(place);
  }

  /* The drawn place of a parameter: [y, x, tile]. */
  drawn(place) {
    const shape = this.node.shapes[this.name];
    if (shape.length === 4) {
      const [, kw, c, f] = shape,
        k = Math.floor(place / f);
      return [Math.floor(k / c / kw), Math.floor(k / c) % kw, (k % c) * f + (place % f)];
    }
    return shape.length === 2 ? [place % shape[1], Math.floor(place / shape[1]), 0] : [0, place, 0];
  }

  markSelected() {
    const place = this.selected(),
      [y, x, channel] = this.drawn(place ?? 0);
    this.mark(place === null ? [] : [{ rows: [y, y + 1], columns: [x, x + 1], channel, color: BLUE }]);
  }
}

/* The indices of a place in an array of a shape. */
function indexOf(shape, place) {
  const index = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    index.unshift(place % shape[i]);
    place = Math.floor(place / shape[i]);
  }
  return index;
}

/* Of which products x * dy the gradient of a parameter is the sum: [{name, x: place or null, dy: place}]. */
function usesOf(node, name, place) {
  if (node.kind === "Linear") {
    const f = node.shape[0],
      j = name === "b" ? place : place % f,
      i = Math.floor(place / f);
    return [{ name: unitName(node, [j]), dy: j, x: name === "b" ? null : i }];
  }
  const [oh, ow, f] = node.shape,
    uses = [];
  if (node.kind === "BatchNorm2d" || name === "b") {
    for (let at = place; at < oh * ow * f; at += f)
      uses.push({ name: unitText(node, at), dy: at, x: name === "b" ? null : at });
    return uses;
  }
  const each = node.from[2] / node.args.groups,
    [ky, kx, k, filter] = indexOf(node.shapes.w, place);
  const c = Math.floor(filter / (f / node.args.groups)) * each + k;
  for (let oy = 0; oy < oh; oy++)
    for (let ox = 0; ox < ow; ox++) {
      const one = windowAt(node, oy, ox)[ky * node.args.kernel[1] + kx];
      if (one.inside)
        uses.push({
          name: `row ${oy}, column ${ox}`,
          dy: convolution.y(node, oy, ox, filter),
          x: convolution.x(node, one, c),
        });
    }
  return uses;
}

function unitText(node, at) {
  const [y, x] = unitAt(node.shape, at);
  return `row ${y}, column ${x}`;
}

/* A parameter written out: value, gradient with its largest terms, update. */
function parameterBlocks(step) {
  const node = nodes[state.node],
    { name, place } = state.parameter,
    key = node.parameters[name],
    { head } = state;
  const value = weights[key][place],
    gradient = step.parameters(head)[key][place],
    from = below(node);
  const x = step.values[from.number],
    dy = step.gradients(head)[node.number],
    uses = usesOf(node, name, place);
  const normalized = node.kind === "BatchNorm2d" && name === "w";
  const input = (use) =>
    use.x === null
      ? 1
      : normalized
        ? (x[use.x] - node.buffers.running_mean[place]) * node.layer.scale(node, place)
        : x[use.x];
  const ofInput = (use) =>
    use.x === null ? "1" : normalized ? `normalized|${node.number}|${use.x}` : of.y(from, use.x);
  const term = (i) => `${ofInput(uses[i])} * ${of.d(head, node, uses[i].dy)}`;
  const values = Float64Array.from(uses, (use) => input(use) * dy[use.dy]);
  const terms =
    uses.length === 1
      ? [
          line(
            "x",
            num(input(uses[0]), ofInput(uses[0])),
            "× dy",
            num(dy[uses[0].dy], of.d(head, node, uses[0].dy)),
            "=",
            num(gradient, of.g(head, node, name, place), 4),
          ),
        ]
      : longSum(
          values,
          term,
          (i) => ({
            name: uses[i].name,
            parts: [num(input(uses[i]), ofInput(uses[i])), num(dy[uses[i].dy], of.d(head, node, uses[i].dy))],
          }),
          ["used at", use0(uses) ? "1" : normalized ? "normalized x" : "x", "dy", "product"],
          `Of ${counted(uses.length, "use")} in this picture the largest`,
        );
  const update = -told.rate * gradient;
  return [
    heading("Its gradient"),
    note(
      uses.length === 1
        ? "It is used once in this picture."
        : `It is used ${uses.length.toLocaleString("en")} times in this picture: its gradient is the sum over ` +
            "all uses.",
    ),
    ...terms,
    line("gradient =", num(gradient, of.g(head, node, name, place), 4)),
    heading("Its update"),
    line(
      "value",
      num(value, of.p(node, name, place), 5),
      "− rate",
      num(told.rate, "rate"),
      "× gradient",
      num(gradient, of.g(head, node, name, place), 4),
      "=",
      num(value + update, `after|${head}|${node.number}|${name}|${place}`, 6),
    ),
  ];
}

const use0 = (uses) => uses[0]?.x === null;

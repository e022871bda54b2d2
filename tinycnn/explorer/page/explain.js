/* How a number came about, and where its gradient goes: what layers of every kind say of one unit.

   EXPLAIN[kind].made(node, unit, step)               forward: from what was this number made?
   EXPLAIN[kind].sent(node, unit, step, head)         backward: to what does its gradient go, and what does each get?
   EXPLAIN[kind].collected(node, unit, step, head)    backward: what does this layer send to a unit of its input?
                                                      {value, of, blocks} */
"use strict";

const EXPLAIN = {};
const MOST_TERMS = 10;

/* What a number is, for the tests: y|node|place, d|head|node|place, p|node|parameter|place. */
const of = {
  y: (node, place) => `y|${node.number}|${place}`,
  d: (head, node, place) => `d|${head}|${node.number}|${place}`,
  p: (node, name, place) => `p|${node.number}|${name}|${place}`,
  g: (head, node, name, place) => `g|${head}|${node.number}|${name}|${place}`,
};

const below = (node, which = 0) => nodes[node.inputs[which]];

/* y of a unit of the layer below, as a number that can be checked. */
function inputNum(node, step, place, digits = 3) {
  const from = below(node);
  return num(step.values[from.number][place], of.y(from, place), digits);
}

function outputNum(node, step, place, digits = 4) {
  return num(step.values[node.number][place], of.y(node, place), digits);
}

function gradientNum(node, step, head, place, digits = 4) {
  return num(step.gradients(head)[node.number][place], of.d(head, node, place), digits);
}

/* The largest terms of a long sum as a table, and the rest in one line.
   terms: [{name, parts: [numbers], value, of, act}] from largest; others: {count, value, of} */
function termsTable(heads, terms, caption) {
  const most = Math.max(...terms.map((term) => Math.abs(term.value)), 1e-30);
  return table(
    [...heads, ""],
    terms.map((term) => [
      term.act ? el("button", { class: "link", onclick: term.act }, term.name) : term.name,
      ...term.parts,
      num(term.value, term.of, 3),
      bar(term.value, most),
    ]),
    caption,
  );
}

/* A long sum: its largest terms, the others together, and the total. build(place) gives a term of the table. */
function longSum(values, ofTerm, build, heads, caption) {
  const shown = largest(values, MOST_TERMS).filter((place) => values[place] !== 0),
    seen = new Set(shown);
  const terms = shown.map((place) => ({ ...build(place), value: values[place], of: ofTerm(place) }));
  const blocks = terms.length ? [termsTable(heads, terms, caption)] : [];
  if (values.length > shown.length) {
    const others = Array.from(values.keys()).filter((place) => !seen.has(place));
    const rest = sum(others.map((place) => values[place]));
    blocks.push(
      line(
        `the other ${counted(others.length, "term")} together:`,
        num(rest, () => others.map(ofTerm).join(" + "), 4),
      ),
    );
  }
  return blocks;
}

/* Layers that hand a number on, or gate it: what was made of one input. */
function single(node, unit, step) {
  return offset(node.shape, unit);
}

EXPLAIN.Picture = {
  made(node, unit) {
    const place = offset(node.shape, unit),
      c = unit[2],
      size = product(node.shape);
    const pixel = pixels.data[state.picture * size + place];
    return [
      line(
        "(",
        num(pixel, `pixel|${place}`),
        "−",
        num(told.pixel_mean[c], `mean|${c}`, 4),
        ") /",
        num(told.pixel_scale[c], `scale|${c}`, 4),
        "=",
        outputNum(node, stepOf(), place),
      ),
      note("Pixels are 0 to 255. The network computes best with small numbers around 0."),
    ];
  },
  sent: () => [
    note(
      "This is the picture: nothing lies below. A gradient here says which pixels move the loss; training has no " +
        "use for it.",
    ),
  ],
};

EXPLAIN.ReLU = EXPLAIN.LeakyReLU = {
  made(node, unit, step) {
    const place = single(node, unit, step),
      x = step.values[node.inputs[0]][place],
      open = x > 0;
    const slope = node.kind === "LeakyReLU" ? node.args.negative_slope : 0;
    return [
      line("x =", inputNum(node, step, place, 4)),
      gate(open, slope),
      line("y =", outputNum(node, step, place)),
    ];
  },
  sent(node, unit, step, head) {
    const place = single(node, unit, step),
      open = step.values[node.inputs[0]][place] > 0;
    const slope = open ? 1 : (node.args.negative_slope ?? 0),
      dy = step.gradients(head)[node.number][place];
    return [
      line("dy =", gradientNum(node, step, head, place)),
      gate(open, slope),
      line("to", unitName(below(node), unit), "goes", num(dy * slope, `${of.d(head, node, place)} * ${slope}`, 4)),
    ];
  },
  collected(node, unit, step, head) {
    const place = offset(node.shape, unit),
      open = step.values[node.inputs[0]][place] > 0;
    const slope = open ? 1 : (node.args.negative_slope ?? 0),
      value = slope * step.gradients(head)[node.number][place];
    const expression = `${of.d(head, node, place)} * ${slope}`;
    return {
      value,
      of: expression,
      blocks: [
        gate(open, slope),
        line("dy above:", gradientNum(node, step, head, place), "× ", String(slope), "=", num(value, expression, 4)),
      ],
    };
  },
};

function gate(open, slope) {
  const told = open
    ? "The gate is open: the number passes as it is."
    : slope
      ? `x is not above 0: the number is multiplied by ${slope}.`
      : "The gate is closed: x is not above 0, so 0 goes on, and no gradient comes back.";
  return el(
    "p",
    { class: open ? "gate open" : "gate closed" },
    el("span", { "aria-hidden": "true" }, open ? "▲" : "▬"),
    " ",
    told,
  );
}

/* Dropout in a prediction, and Flatten: the same number in the same order. */
EXPLAIN.Dropout = EXPLAIN.Flatten = {
  made(node, unit, step) {
    const place = offset(node.shape, unit),
      from = below(node),
      source = unitAt(from.shape, place);
    return [line(unitName(from, source), "=", inputNum(node, step, place, 4), "stays", outputNum(node, step, place))];
  },
  sent(node, unit, step, head) {
    const place = offset(node.shape, unit),
      from = below(node);
    return [
      line(
        "to",
        unitName(from, unitAt(from.shape, place)),
        "goes the same number:",
        gradientNum(node, step, head, place),
      ),
    ];
  },
  collected(node, unit, step, head) {
    const place = offset(below(node).shape, unit),
      value = step.gradients(head)[node.number][place];
    return {
      value,
      of: of.d(head, node, place),
      blocks: [
        line(
          "the same number, from",
          unitName(node, unitAt(node.shape, place)),
          ":",
          gradientNum(node, step, head, place),
        ),
      ],
    };
  },
};

EXPLAIN.Sum = {
  made(node, unit, step) {
    const place = offset(node.shape, unit),
      [a, b] = node.inputs.map((i) => nodes[i]);
    return [
      line(
        num(step.values[a.number][place], of.y(a, place), 4),
        `(${a.short})`,
        "+",
        num(step.values[b.number][place], of.y(b, place), 4),
        `(${b.short}, the shortcut) =`,
        outputNum(node, step, place),
      ),
    ];
  },
  sent(node, unit, step, head) {
    const place = offset(node.shape, unit);
    return [
      line(
        "to both",
        unitName(below(node), unit),
        "and",
        unitName(below(node, 1), unit),
        "goes the same number:",
        gradientNum(node, step, head, place),
      ),
      note("The shortcut carries the gradient past the layers unchanged: none of them can stop it."),
    ];
  },
  collected(node, unit, step, head) {
    const place = offset(node.shape, unit),
      value = step.gradients(head)[node.number][place];
    return {
      value,
      of: of.d(head, node, place),
      blocks: [line("a sum hands on the same number:", gradientNum(node, step, head, place))],
    };
  },
};

/* A layer whose numbers NumPy wrote down. */
const UNKNOWN = {
  made: (node, unit, step) => [
    line("y =", outputNum(node, step, offset(node.shape, unit))),
    note(`How ${node.kind} computes is known to its own class alone; this number was computed by NumPy.`),
  ],
  sent: (node) => [note(`What ${node.kind} sends to the layer below was computed by NumPy: look there.`)],
  collected(node, unit, step, head) {
    const place = offset(below(node).shape, unit),
      value =
        node.recorded[head === "both" ? "class" : head][state.picture][place] +
        (head === "both" ? node.recorded.box[state.picture][place] : 0);
    return {
      value,
      of: `sent|${head}|${node.number}|${place}`,
      blocks: [line("computed by NumPy:", num(value, `sent|${head}|${node.number}|${place}`, 4))],
    };
  },
};

const explains = (node) => (node.computed ? EXPLAIN[node.kind] : UNKNOWN);

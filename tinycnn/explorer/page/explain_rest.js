/* Other layers explained: fully connected, and the two normalizations. */
"use strict";

EXPLAIN.Linear = {
  made(node, unit, step) {
    const [j] = unit,
      w = weights[node.parameters.w],
      f = node.shape[0],
      from = below(node),
      x = step.values[from.number];
    const values = Float64Array.from(x, (a, i) => a * w[i * f + j]);
    const term = (i) => `${of.y(from, i)} * ${of.p(node, "w", i * f + j)}`;
    const blocks = longSum(
      values,
      term,
      (i) => ({
        name: unitName(...origin(from, i)),
        act: () => selectOrigin(from, i),
        parts: [num(x[i], of.y(from, i)), num(w[i * f + j], of.p(node, "w", i * f + j))],
      }),
      ["input", "x", "weight", "x × weight"],
      `The largest of ${counted(x.length, "term")}`,
    );
    const b = node.parameters.b ? weights[node.parameters.b][j] : null,
      total = num(sum(values), () => Array.from(x.keys(), term).join(" + "), 4);
    blocks.push(
      b === null
        ? line("together:", outputNum(node, step, j))
        : line("all terms", total, "+ bias", num(b, of.p(node, "b", j)), "=", outputNum(node, step, j)),
    );
    return blocks;
  },
  sent(node, unit, step, head) {
    const [j] = unit,
      w = weights[node.parameters.w],
      f = node.shape[0],
      from = below(node),
      size = from.shape[0];
    const dy = step.gradients(head)[node.number][j],
      values = Float64Array.from({ length: size }, (_, i) => dy * w[i * f + j]);
    const shown = largest(values, MOST_TERMS);
    return [
      line("dy =", gradientNum(node, step, head, j), ", times each weight, goes to every input; the largest:"),
      termsTable(
        ["to input", "weight", "dy × weight"],
        shown.map((i) => ({
          name: unitName(...origin(from, i)),
          act: () => selectOrigin(from, i),
          parts: [num(w[i * f + j], of.p(node, "w", i * f + j))],
          value: values[i],
          of: `${of.d(head, node, j)} * ${of.p(node, "w", i * f + j)}`,
        })),
        `The largest of ${counted(size, "input")}`,
      ),
    ];
  },
  collected(node, unit, step, head) {
    const i = offset(below(node).shape, unit),
      w = weights[node.parameters.w],
      f = node.shape[0],
      dy = step.gradients(head)[node.number];
    const values = Float64Array.from(dy, (d, j) => d * w[i * f + j]),
      value = sum(values);
    const term = (j) => `${of.d(head, node, j)} * ${of.p(node, "w", i * f + j)}`;
    const expression = () => Array.from(dy.keys(), term).join(" + ");
    return {
      value,
      of: expression,
      blocks: longSum(
        values,
        term,
        (j) => ({
          name: unitName(node, [j]),
          act: () => select(node.number, [j]),
          parts: [num(dy[j], of.d(head, node, j)), num(w[i * f + j], of.p(node, "w", i * f + j))],
        }),
        [`output of ${node.short}`, "dy", "weight", "dy × weight"],
        `What ${node.short} sends back, the largest of ${counted(f, "term")}`,
      ),
    };
  },
};

EXPLAIN.BatchNorm2d = {
  numbers(node, c) {
    const part = (name, digits = 4) =>
      num(
        name === "w" || name === "b" ? weights[node.parameters[name]][c] : node.buffers[name][c],
        name === "w" || name === "b" ? of.p(node, name, c) : `buffer|${node.number}|${name}|${c}`,
        digits,
      );
    return { part, scale: num(node.layer.scale(node, c), `scale of|${node.number}|${c}`, 4) };
  },
  made(node, unit, step) {
    const c = unit[2],
      at = offset(node.shape, unit),
      { part, scale } = this.numbers(node, c);
    return [
      line(
        "(",
        inputNum(node, step, at, 4),
        "− mean",
        part("running_mean"),
        ") × scale",
        scale,
        "× w",
        part("w"),
        "+ b",
        part("b"),
        "=",
        outputNum(node, step, at),
      ),
      note(
        "scale = 1 / √(variance + eps), with variance ",
        part("running_var"),
        ". Mean and variance are the running averages of the training, as in a prediction.",
      ),
    ];
  },
  factor(node, unit) {
    const c = unit[2];
    return [
      node.layer.scale(node, c) * weights[node.parameters.w][c],
      `scale of|${node.number}|${c} * ${of.p(node, "w", c)}`,
    ];
  },
  sent(node, unit, step, head) {
    const at = offset(node.shape, unit),
      [factor, expression] = this.factor(node, unit),
      { part, scale } = this.numbers(node, unit[2]);
    return [
      line(
        "dy",
        gradientNum(node, step, head, at),
        "× w",
        part("w"),
        "× scale",
        scale,
        "=",
        num(step.gradients(head)[node.number][at] * factor, `${of.d(head, node, at)} * ${expression}`, 4),
      ),
      note(
        "In a training step, where the batch's own mean and variance count, the gradient also goes through both " +
          "of them.",
      ),
    ];
  },
  collected(node, unit, step, head) {
    const at = offset(node.shape, unit),
      [factor, expression] = this.factor(node, unit);
    const { part, scale } = this.numbers(node, unit[2]),
      value = step.gradients(head)[node.number][at] * factor;
    const all = `${of.d(head, node, at)} * ${expression}`;
    return {
      value,
      of: all,
      blocks: [
        line(
          "dy above",
          gradientNum(node, step, head, at),
          "× w",
          part("w"),
          "× scale",
          scale,
          "=",
          num(value, all, 4),
        ),
      ],
    };
  },
};

EXPLAIN.LocalResponseNorm = {
  made(node, unit, step) {
    const at = offset(node.shape, unit),
      pixel = at - unit[2],
      x = step.values[node.inputs[0]],
      [from, to] = node.layer.window(node, unit[2]);
    const channels = Array.from({ length: to - from }, (_, k) => from + k),
      { beta, k } = node.args,
      s = node.layer.s(node, x, pixel, unit[2]);
    return [
      note("The neighbors in the channel axis, squared, damp this number:"),
      table(
        ["channel", "x", "x²"],
        channels.map((c) => [
          c === unit[2] ? el("b", {}, `${c}, its own`) : String(c),
          inputNum(node, step, pixel + c),
          num(x[pixel + c] ** 2, `${of.y(below(node), pixel + c)} * ${of.y(below(node), pixel + c)}`),
        ]),
      ),
      line(`s = ${k} +`, written(node.layer.a(node)), "× their sum =", num(s, `s|${node.number}|${at}`, 5)),
      line(
        "x / s",
        el("sup", {}, String(beta)),
        "=",
        inputNum(node, step, at, 4),
        "/",
        num(s ** beta, `s power|${node.number}|${at}`, 5),
        "=",
        outputNum(node, step, at),
      ),
    ];
  },
  sent(node, unit, step, head) {
    const at = offset(node.shape, unit),
      pixel = at - unit[2],
      x = step.values[node.inputs[0]],
      [from, to] = node.layer.window(node, unit[2]);
    const dy = step.gradients(head)[node.number],
      s = node.layer.s(node, x, pixel, unit[2]);
    const rows = Array.from({ length: to - from }, (_, k) => from + k).map((c) => {
      const through = node.layer.through(node, x, dy, pixel, c, unit[2]),
        direct = c === unit[2] ? dy[at] * s ** -node.args.beta : 0;
      return [
        String(c),
        num(direct, c === unit[2] ? `${of.d(head, node, at)} / s power|${node.number}|${at}` : "0"),
        num(through, `through|${head}|${node.number}|${pixel}|${c}|${unit[2]}`),
      ];
    });
    return [
      line(
        "dy =",
        gradientNum(node, step, head, at),
        "goes to its own x directly, and through s to all its neighbors:",
      ),
      table(["to channel", "directly", "through s"], rows),
    ];
  },
  collected(node, unit, step, head) {
    const at = offset(node.shape, unit),
      pixel = at - unit[2],
      c = unit[2],
      x = step.values[node.inputs[0]];
    const dy = step.gradients(head)[node.number],
      [from, to] = node.layer.damped(node, c),
      s = node.layer.s(node, x, pixel, c);
    const others = Array.from({ length: to - from }, (_, k) => from + k),
      direct = dy[at] * s ** -node.args.beta;
    const through = others.map((k) => node.layer.through(node, x, dy, pixel, c, k)),
      value = direct + sum(through);
    const ofThrough = (k) => `through|${head}|${node.number}|${pixel}|${c}|${k}`,
      ofDirect = `${of.d(head, node, at)} / s power|${node.number}|${at}`;
    const expression = [ofDirect, ...others.map(ofThrough)].join(" + ");
    return {
      value,
      of: expression,
      blocks: [
        line("directly, dy / s", el("sup", {}, String(node.args.beta)), ":", num(direct, ofDirect, 4)),
        table(
          ["through s of channel", "adds"],
          others.map((k, i) => [String(k), num(through[i], ofThrough(k))]),
        ),
        line("together:", num(value, expression, 4)),
      ],
    };
  },
};

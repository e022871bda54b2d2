/* Pooling explained: the winner of a window, or its mean, and where the gradient goes. */
"use strict";

/* The numbers under a pooling's window as cells. */
function pooled(node, unit, step, marked) {
  const [oy, ox, c] = unit,
    from = below(node),
    x = step.values[from.number];
  return windowRows(
    node,
    windowAt(node, oy, ox).map((place) => {
      if (!place.inside) return null;
      const at = (place.y * node.from[1] + place.x) * node.from[2] + c;
      return { value: x[at], of: of.y(from, at), mark: at === marked };
    }),
  );
}

EXPLAIN.MaxPool2d = {
  made(node, unit, step) {
    const at = offset(node.shape, unit),
      winner = step.keeps[node.number].winners[at],
      [y, x] = unitAt(node.from, winner);
    return [
      el(
        "div",
        { class: "grids" },
        numberGrid(pooled(node, unit, step, winner), { caption: `window of ${below(node).short}` }),
        el("span", { class: "sign" }, "→ largest: ", outputNum(node, step, at)),
      ),
      note(`The winner, framed, is at row ${y}, column ${x}. Among equals the first wins. All others are forgotten.`),
    ];
  },
  sent(node, unit, step, head) {
    const at = offset(node.shape, unit),
      winner = step.keeps[node.number].winners[at];
    const cells = pooled(node, unit, step, winner),
      dy = step.gradients(head)[node.number][at];
    const back = cells.map((row) =>
      row.map(
        (cell) => cell && { value: cell.mark ? dy : 0, of: cell.mark ? of.d(head, node, at) : "0", mark: cell.mark },
      ),
    );
    return [
      el(
        "div",
        { class: "grids" },
        numberGrid(cells, { caption: "what was compared" }),
        el("span", { class: "sign" }, "←"),
        numberGrid(back, { caption: "what goes back" }),
      ),
      note("The whole gradient goes to the number that won; the others had no part in the result."),
    ];
  },
  collected(node, unit, step, head) {
    const place = offset(node.from, unit),
      { winners } = step.keeps[node.number],
      dy = step.gradients(head)[node.number];
    const windows = windowsOver(node, unit[0], unit[1]).map((one) => ({
      ...one,
      at: convolution.y(node, one.oy, one.ox, unit[2]),
    }));
    const won = windows.filter((one) => winners[one.at] === place),
      value = sum(won.map((one) => dy[one.at]));
    const expression = won.map((one) => of.d(head, node, one.at)).join(" + ") || "0";
    const blocks = windows.map((one) =>
      winners[one.at] === place
        ? line(
            `it won the window at row ${one.oy}, column ${one.ox} of ${node.short} and gets its whole gradient:`,
            gradientNum(node, step, head, one.at),
          )
        : line(
            `it lost the window at row ${one.oy}, column ${one.ox} of ${node.short}, and gets nothing of its ` +
              "gradient",
            gradientNum(node, step, head, one.at, 3),
          ),
    );
    if (!windows.length) blocks.push(note(`No window of ${node.short} sees this unit.`));
    return { value, of: expression, blocks };
  },
};

EXPLAIN.AvgPool2d = {
  made(node, unit, step) {
    const cells = pooled(node, unit, step),
      inside = cells.flat().filter(Boolean),
      count = node.layer.count(node, unit[0], unit[1]);
    return [
      el("div", { class: "grids" }, numberGrid(cells, { caption: `window of ${below(node).short}` })),
      line(
        "sum",
        num(sum(inside.map((cell) => cell.value)), inside.map((cell) => cell.of).join(" + "), 4),
        `/ ${count} =`,
        outputNum(node, step, offset(node.shape, unit)),
      ),
    ];
  },
  sent(node, unit, step, head) {
    const at = offset(node.shape, unit),
      count = node.layer.count(node, unit[0], unit[1]),
      dy = step.gradients(head)[node.number][at];
    return [
      line(
        "each place of the window gets",
        gradientNum(node, step, head, at),
        `/ ${count} =`,
        num(dy / count, `${of.d(head, node, at)} / ${count}`, 4),
      ),
    ];
  },
  collected(node, unit, step, head) {
    const dy = step.gradients(head)[node.number],
      windows = windowsOver(node, unit[0], unit[1]).map((one) => ({
        ...one,
        at: convolution.y(node, one.oy, one.ox, unit[2]),
        count: node.layer.count(node, one.oy, one.ox),
      }));
    const value = sum(windows.map((one) => dy[one.at] / one.count));
    const expression = windows.map((one) => `${of.d(head, node, one.at)} / ${one.count}`).join(" + ") || "0";
    return {
      value,
      of: expression,
      blocks: windows.map((one) =>
        line(
          `from the window at row ${one.oy}, column ${one.ox}:`,
          gradientNum(node, step, head, one.at),
          `/ ${one.count} =`,
          num(dy[one.at] / one.count, `${of.d(head, node, one.at)} / ${one.count}`, 4),
        ),
      ),
    };
  },
};

EXPLAIN.GlobalAvgPool2d = {
  cells(node, c, step) {
    const [h, w, channels] = node.from,
      from = below(node),
      x = step.values[from.number];
    return Array.from({ length: h }, (_, y) =>
      Array.from({ length: w }, (_, column) => {
        const at = (y * w + column) * channels + c;
        return { value: x[at], of: of.y(from, at) };
      }),
    );
  },
  made(node, unit, step) {
    const cells = this.cells(node, unit[0], step),
      flat = cells.flat();
    const total = num(sum(flat.map((cell) => cell.value)), () => flat.map((cell) => cell.of).join(" + "), 4);
    const grid =
      flat.length <= 169
        ? el("div", { class: "grids" }, numberGrid(cells, { caption: `map ${unit[0]} of ${below(node).short}` }))
        : null;
    return [grid, line("sum", total, `/ ${flat.length} =`, outputNum(node, step, unit[0]))];
  },
  share(node) {
    return node.from[0] * node.from[1];
  },
  sent(node, unit, step, head) {
    const count = this.share(node),
      dy = step.gradients(head)[node.number][unit[0]];
    return [
      line(
        `each of the ${count} places of map ${unit[0]} gets`,
        gradientNum(node, step, head, unit[0]),
        `/ ${count} =`,
        num(dy / count, `${of.d(head, node, unit[0])} / ${count}`, 4),
      ),
    ];
  },
  collected(node, unit, step, head) {
    const count = this.share(node),
      value = step.gradients(head)[node.number][unit[2]] / count,
      expression = `${of.d(head, node, unit[2])} / ${count}`;
    return {
      value,
      of: expression,
      blocks: [
        line("dy of the mean", gradientNum(node, step, head, unit[2]), `/ ${count} =`, num(value, expression, 4)),
      ],
    };
  },
};

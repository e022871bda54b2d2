/* Convolution explained: the window below, the kernel, the products; and col2im, the way back. */
"use strict";

/* Places in flat arrays that belong to a convolution's unit: of x, of w, and the channels its filter sees. */
const convolution = {
  channels(node, f) {
    const each = node.from[2] / node.args.groups,
      first = Math.floor(f / (node.shape[2] / node.args.groups)) * each;
    return Array.from({ length: each }, (_, k) => first + k);
  },
  filters(node, c) {
    const each = node.shape[2] / node.args.groups,
      first = Math.floor(c / (node.from[2] / node.args.groups)) * each;
    return Array.from({ length: each }, (_, k) => first + k);
  },
  x: (node, place, c) => (place.y * node.from[1] + place.x) * node.from[2] + c,
  y: (node, oy, ox, f) => (oy * node.shape[1] + ox) * node.shape[2] + f,
  w(node, { ky, kx }, c, f) {
    const each = node.from[2] / node.args.groups;
    return ((ky * node.args.kernel[1] + kx) * each + (c % each)) * node.shape[2] + f;
  },
};

/* Cells by place in the window -> rows of the kernel's height. */
function windowRows(node, cells) {
  const width = node.args.kernel[1];
  return Array.from({ length: node.args.kernel[0] }, (_, ky) => cells.slice(ky * width, (ky + 1) * width));
}

/* The channel that is written out: the one that was chosen, or the one that matters most. */
function chosenChannel(channels, values) {
  return channels.includes(state.channel) ? state.channel : channels[largest(values, 1)[0]];
}

/* Buttons for the channels that matter most, with what each adds. */
function channelTable(channels, values, ofChannel, caption) {
  const shown = largest(values, 8),
    most = Math.max(...values.map(Math.abs), 1e-30),
    seen = new Set(shown);
  const blocks = [
    table(
      ["channel below", "adds", ""],
      shown.map((i) => [
        el(
          "button",
          {
            class: "link",
            "aria-label": `write out channel ${channels[i]}`,
            onclick: () => change({ channel: channels[i] }),
          },
          channelName(channels[i]),
        ),
        num(values[i], ofChannel(channels[i])),
        bar(values[i], most),
      ]),
      caption,
    ),
  ];
  if (channels.length > shown.length) {
    const others = channels.filter((_, i) => !seen.has(i)),
      rest = sum(values.filter((_, i) => !seen.has(i)));
    blocks.push(
      line(
        `the other ${counted(others.length, "channel")} together:`,
        num(rest, () => others.map((c) => ofChannel(c)()).join(" + "), 4),
      ),
    );
  }
  return blocks;
}

const channelName = (c) =>
  nodes[state.node] && below(nodes[state.node]).kind === "Picture" ? ["red", "green", "blue"][c] : `map ${c}`;

EXPLAIN.Conv2d = {
  made(node, unit, step) {
    const [oy, ox, f] = unit,
      w = weights[node.parameters.w],
      from = below(node),
      x = step.values[from.number];
    const places = windowAt(node, oy, ox),
      inside = places.filter((place) => place.inside);
    const channels = convolution.channels(node, f);
    const term = (place, c) =>
      `${of.y(from, convolution.x(node, place, c))} * ${of.p(node, "w", convolution.w(node, place, c, f))}`;
    const add = (place, c) => x[convolution.x(node, place, c)] * w[convolution.w(node, place, c, f)];
    const values = channels.map((c) => sum(inside.map((place) => add(place, c))));
    const ofChannel = (c) => () => inside.map((place) => term(place, c)).join(" + ") || "0";
    const written = channels.length <= 3 ? channels : [chosenChannel(channels, values)];
    const cell = (place, value, what) => (place.inside ? { value, of: what } : { outside: true });
    const blocks = [];
    for (const c of written) {
      const wMost = Math.max(...places.map((place) => Math.abs(w[convolution.w(node, place, c, f)])));
      blocks.push(
        el(
          "div",
          { class: "grids" },
          numberGrid(
            windowRows(
              node,
              places.map((place) =>
                place.inside
                  ? { value: x[convolution.x(node, place, c)], of: of.y(from, convolution.x(node, place, c)) }
                  : { outside: true },
              ),
            ),
            { caption: `${from.short}, ${channelName(c)}` },
          ),
          el("span", { class: "sign" }, "×"),
          numberGrid(
            windowRows(
              node,
              places.map((place) => ({
                value: w[convolution.w(node, place, c, f)],
                of: of.p(node, "w", convolution.w(node, place, c, f)),
              })),
            ),
            { caption: `kernel ${f}`, scale: wMost },
          ),
          el("span", { class: "sign" }, "="),
          numberGrid(
            windowRows(
              node,
              places.map((place) => cell(place, place.inside ? add(place, c) : 0, term(place, c))),
            ),
            { caption: ["products, sum ", el("b", {}, num(values[channels.indexOf(c)], ofChannel(c)))] },
          ),
        ),
      );
    }
    if (places.some((place) => !place.inside))
      blocks.push(note("Gray places lie outside the picture: the padding, which counts as 0."));
    if (channels.length > 3) blocks.push(...channelTable(channels, values, ofChannel, "What each map below adds"));
    const all = sum(values),
      place = offset(node.shape, unit);
    const total = num(all, () => channels.map((c) => ofChannel(c)()).join(" + "), 4);
    const b = node.parameters.b ? weights[node.parameters.b][f] : null;
    blocks.push(
      b === null
        ? line("together, without a bias:", outputNum(node, step, place))
        : line("all products", total, "+ bias", num(b, of.p(node, "b", f)), "=", outputNum(node, step, place)),
    );
    return blocks;
  },

  /* dy times the kernel goes to the window: one row of dcols. */
  sent(node, unit, step, head) {
    const [oy, ox, f] = unit,
      w = weights[node.parameters.w],
      at = offset(node.shape, unit);
    const dy = step.gradients(head)[node.number][at],
      places = windowAt(node, oy, ox);
    const channels = convolution.channels(node, f),
      from = below(node);
    const strength = channels.map((c) => norm(places.map((place) => dy * w[convolution.w(node, place, c, f)])));
    const blocks = [
      line(
        "dy =",
        gradientNum(node, step, head, at),
        ", times each weight of kernel",
        String(f),
        "goes to the window:",
      ),
    ];
    for (const c of channels.length <= 3 ? channels : [chosenChannel(channels, strength)]) {
      blocks.push(
        el(
          "div",
          { class: "grids" },
          numberGrid(
            windowRows(
              node,
              places.map((place) => ({
                value: w[convolution.w(node, place, c, f)],
                of: of.p(node, "w", convolution.w(node, place, c, f)),
              })),
            ),
            { caption: `kernel ${f}, ${channelName(c)}` },
          ),
          el("span", { class: "sign" }, "× dy ="),
          numberGrid(
            windowRows(
              node,
              places.map((place) =>
                place.inside
                  ? {
                      value: dy * w[convolution.w(node, place, c, f)],
                      of: `${of.d(head, node, at)} * ${of.p(node, "w", convolution.w(node, place, c, f))}`,
                    }
                  : { outside: true },
              ),
            ),
            { caption: `added to ${from.short}, ${channelName(c)}` },
          ),
        ),
      );
    }
    if (channels.length > 3) blocks.push(pickChannel(channels, strength));
    return blocks;
  },

  /* col2im: a pixel collects from every window that sees it, and in each from every filter. */
  collected(node, unit, step, head) {
    const [y, x, c] = unit,
      w = weights[node.parameters.w],
      dy = step.gradients(head)[node.number];
    const windows = windowsOver(node, y, x),
      filters = convolution.filters(node, c);
    const term = (one, f) =>
      `${of.d(head, node, convolution.y(node, one.oy, one.ox, f))} * ` +
      `${of.p(node, "w", convolution.w(node, one, c, f))}`;
    const add = (one, f) => dy[convolution.y(node, one.oy, one.ox, f)] * w[convolution.w(node, one, c, f)];
    const adds = windows.map((one) => sum(filters.map((f) => add(one, f))));
    const ofWindow = (one) => () => filters.map((f) => term(one, f)).join(" + ");
    const value = sum(adds),
      expression = () => windows.map((one) => ofWindow(one)()).join(" + ") || "0";
    const cells = Array.from({ length: product(node.args.kernel) }, () => null);
    windows.forEach((one, i) => {
      const place = one.ky * node.args.kernel[1] + one.kx;
      cells[place] = {
        value: adds[i],
        of: ofWindow(one),
        mark: state.place === place,
        act: () => change({ place }),
        label: `window at row ${one.oy}, column ${one.ox}; this unit is its place ${one.ky}, ${one.kx}`,
      };
    });
    const chosen =
      windows.find((one) => one.ky * node.args.kernel[1] + one.kx === state.place) ?? windows[largest(adds, 1)[0]];
    const blocks = [
      note(
        `${counted(windows.length, "window")} of ${node.short} see this unit. It collects what each sends back ` +
          "(col2im); " +
          "place by place in the kernel:",
      ),
      el(
        "div",
        { class: "grids" },
        numberGrid(windowRows(node, cells), { caption: `sent by each window of ${node.short}` }),
        el("span", { class: "sign" }, "Σ ", num(value, expression, 4)),
      ),
    ];
    if (chosen) {
      const values = filters.map((f) => add(chosen, f)),
        f0 = filters[0];
      blocks.push(
        ...longSum(
          values,
          (i) => term(chosen, f0 + i),
          (i) => ({
            name: `filter ${f0 + i}`,
            parts: [
              num(
                dy[convolution.y(node, chosen.oy, chosen.ox, f0 + i)],
                of.d(head, node, convolution.y(node, chosen.oy, chosen.ox, f0 + i)),
              ),
              num(w[convolution.w(node, chosen, c, f0 + i)], of.p(node, "w", convolution.w(node, chosen, c, f0 + i))),
            ],
          }),
          [`of the window at row ${chosen.oy}, column ${chosen.ox}`, "dy", "weight", "dy × weight"],
          `The window at row ${chosen.oy}, column ${chosen.ox}, filter by filter`,
        ),
      );
    }
    return { value, of: expression, blocks };
  },
};

/* Buttons that choose the channel to write out. */
function pickChannel(channels, strength) {
  return el(
    "p",
    { class: "picks" },
    "other maps below, the strongest first: ",
    largest(strength, 8).map((i) =>
      el("button", { class: "link", onclick: () => change({ channel: channels[i] }) }, String(channels[i])),
    ),
  );
}

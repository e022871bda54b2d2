/* The network from the picture to the two heads, as cards with maps. */
"use strict";

const BLUE = "#0072B2",
  GREEN = "#007a5a";
let cards = []; // {node, element, body: what draws itself}

/* Neighboring layers that are shown in one row: each begins with a layer that has a kernel or weights, or with a sum. */
function blocks(part) {
  const rows = [];
  for (const node of nodes) {
    if (node.part !== part) continue;
    if (!rows.length || ["Picture", "Conv2d", "Linear", "Sum", "Flatten"].includes(node.kind) || !node.computed)
      rows.push([]);
    rows.at(-1).push(node);
  }
  return rows;
}

/* A dotted name that may be broken in front of each dot. */
const breakable = (name) => name.split(".").flatMap((part, i) => (i ? [el("wbr"), `.${part}`] : [part]));

function cardOf(node) {
  const end = node.number === told.class_end || node.number === told.box_end;
  const body = end ? new OutputCard(node) : new Maps(node),
    place = el("div", { class: "drawn" });
  const element = el(
    "section",
    { class: `card ${node.kind.toLowerCase()}`, "aria-label": node.short },
    el(
      "header",
      {},
      el("h3", {}, breakable(node.short)),
      el("span", { class: "kind" }, kindInWords(node)),
      el("span", { class: "shape" }, shapeText(node.shape)),
    ),
    place,
  );
  if (node.kind === "Picture") showWhole(body);
  return {
    node,
    element,
    body,
    place,
    parameters: Object.keys(node.parameters).map((name) => new ParameterMap(node, name)),
  };
}

/* Beside the channels of the picture: the picture itself, with the true and the predicted box. */
function showWhole(body) {
  const canvas = el("canvas", { role: "img" }),
    frame = body.element;
  body.element = el("div", { class: "picture-row" }, canvas, frame);
  body.whole = (width) => {
    const side = Math.max(60, Math.min(180, Math.floor((width - 20) / 4))),
      step = stepOf();
    drawPicture(canvas, step.number, side, [
      { box: cornersOf(step.picture.code), color: "#009E73", dash: true },
      { box: boxOf(step.loss.pred), color: "#D55E00" },
    ]);
    canvas.setAttribute("aria-label", `the picture; ${boxesInWords(step)}`);
    return side;
  };
}

function lossCard(which) {
  const body = new LossCard(which),
    place = el("div", { class: "drawn" });
  const kind =
    which === "class"
      ? "softmax and cross-entropy"
      : told.loss.box_loss === "L2Loss"
        ? "mean squared difference"
        : told.loss.box_loss;
  const element = el(
    "section",
    { class: "card loss", "aria-label": `${which} loss` },
    el(
      "header",
      {},
      el("h3", {}, `${which} loss`),
      el("span", { class: "kind" }, kind),
      el("span", { class: "shape" }, `weight ${which === "class" ? told.loss.class_weight : told.loss.box_weight}`),
    ),
    place,
  );
  return { node: null, which, element, body, place, parameters: [] };
}

function buildNetwork(container) {
  const made = new Map(nodes.map((node) => [node.number, cardOf(node)]));
  const rows = (part) =>
    blocks(part).map((row) =>
      el(
        "div",
        { class: `block width${Math.min(4, row.length)}` },
        row.map((node) => made.get(node.number).element),
      ),
    );
  const losses = { class: lossCard("class"), box: lossCard("box") };
  cards = [...made.values(), losses.class, losses.box];
  container.replaceChildren(
    el("div", { class: "trunk" }, rows("trunk")),
    el("p", { class: "fork" }, "both heads read the same features"),
    el(
      "div",
      { class: "heads" },
      ["class", "box"].map((part) =>
        el("div", { class: "head" }, el("h3", { class: "part" }, PARTS[part]), rows(part), losses[part].element),
      ),
    ),
  );
}

/* What each card shows in this mode. */
function drawNetwork() {
  for (const card of cards) {
    const parameters = state.mode === "parameters";
    if (parameters) {
      card.place.replaceChildren(
        ...(card.parameters.length
          ? card.parameters.flatMap((one) => [
              el("p", { class: "label" }, `${one.name}: ${shapeText(card.node.shapes[one.name])}`),
              one.element,
            ])
          : [note("no parameters")]),
      );
    } else card.place.replaceChildren(card.body.element);
    card.element.classList.toggle("bare", parameters && !card.parameters.length);
  }
  for (const card of cards) {
    const width = Math.max(120, card.place.clientWidth);
    if (state.mode !== "parameters") card.body.draw(width);
    else for (const one of card.parameters) one.draw(width);
  }
  markNetwork();
}

/* Marks of the selected unit and of the windows that belong to it: node -> list of marks. */
function marksOf() {
  const found = new Map(),
    add = (node, mark) => found.set(node.number, [...(found.get(node.number) ?? []), mark]);
  const node = nodes[state.node];
  if (!node || !state.unit || state.mode === "parameters") return found;
  const whole = (at, unit, color) => {
    const [y, x, k] = unitAt(drawnShape(at), offset(at.shape, unit));
    add(at, { rows: [y, y + 1], columns: [x, x + 1], channel: k, color });
  };
  const window = (of_, at, unit, color, channel) => {
    const places = windowAt(of_, unit[0], unit[1]),
      rows = places.map((one) => one.y),
      columns = places.map((one) => one.x);
    add(at, {
      rows: [Math.min(...rows), Math.max(...rows) + 1],
      columns: [Math.min(...columns), Math.max(...columns) + 1],
      channel,
      color,
      width: 1.5,
    });
  };
  if (node.inputs.length && node.args?.kernel)
    window(node, nodes[node.inputs[0]], state.unit, GREEN, node.kind === "Conv2d" ? null : state.unit[2]);
  else
    for (const input of node.inputs)
      if (product(nodes[input].shape) === product(node.shape))
        whole(nodes[input], unitAt(nodes[input].shape, offset(node.shape, state.unit)), GREEN);
  if (state.mode === "backward")
    for (const reader of node.readers) {
      if (reader.args?.kernel)
        for (const one of windowsOver(reader, state.unit[0], state.unit[1]))
          for (const channel of reader.kind === "Conv2d"
            ? convolution.filters(reader, state.unit[2])
            : [state.unit[2]])
            add(reader, {
              rows: [one.oy, one.oy + 1],
              columns: [one.ox, one.ox + 1],
              channel,
              color: "#a34e00",
              width: 1,
            });
      else if (product(reader.shape) === product(node.shape))
        whole(reader, unitAt(reader.shape, offset(node.shape, state.unit)), "#a34e00");
    }
  whole(node, state.unit, BLUE);
  return found;
}

const isChosen = (card) => (card.node ? card.node.number === state.node : state.node === `${card.which} loss`);

function markNetwork() {
  const marks = marksOf();
  for (const card of cards) {
    card.element.classList.toggle("chosen", isChosen(card));
    if (state.mode === "parameters") for (const one of card.parameters) one.markSelected();
    else card.body.mark(marks.get(card.node?.number) ?? []);
  }
}

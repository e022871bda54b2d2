/* What is selected, written out: the panel beside the network. */
"use strict";

/* The links from what is selected to the lesson about it, and the library's own lines. */
function links(kind) {
  const { lesson, forward, backward } = told.sources[kind] ?? {},
    pieces = [];
  const way = state.mode === "forward" ? forward : (backward ?? forward);
  if (way)
    pieces.push(
      el(
        "details",
        { class: "source" },
        el("summary", {}, `the library's lines: ${way.file}, line ${way.line}`),
        el("pre", { tabindex: 0 }, way.text),
      ),
    );
  if (lesson)
    pieces.push(
      el("p", { class: "lesson" }, `Lesson ${lesson.number}, ${lesson.title}: `, el("code", {}, lesson.path)),
    );
  return pieces;
}

/* What is selected, written out. */
function drawDetail(container) {
  const step = stepOf(),
    node = nodes[state.node],
    parts = [];
  if (state.node === "class loss" || state.node === "box loss") {
    const class_ = state.node === "class loss";
    parts.push(
      el("h3", {}, state.node),
      el("p", { class: "said" }, sentence()),
      ...(class_ ? classLossBlocks(step) : boxLossBlocks(step)),
      ...links(class_ ? "SoftmaxCrossEntropy" : told.loss.box_loss),
    );
  } else if (!node) parts.push(el("h3", {}, "Nothing selected"), el("p", { class: "said" }, sentence()));
  else if (state.mode === "parameters") parts.push(...parameterDetail(node, step));
  else parts.push(...unitDetail(node, step));
  container.replaceChildren(...parts);
  byId("spoken").textContent = node || typeof state.node === "string" ? sentence() : "";
}

function unitDetail(node, step) {
  const { unit, head } = state,
    layer = explains(node),
    at = offset(node.shape, unit);
  const parts = [
    el("h3", {}, unitName(node, unit)),
    el(
      "p",
      { class: "where" },
      unitPlace(node, unit),
      el("span", { class: "wordy" }, ", counted from 0 as in Python"),
    ),
    el("p", { class: "said" }, sentence()),
  ];
  if (state.mode === "forward")
    parts.push(heading("How this number was made"), ...layer.made(node, unit, step).filter(Boolean));
  else {
    parts.push(heading("How this gradient came together"));
    const loss = node.number === told.class_end ? "class" : node.number === told.box_end ? "box" : null;
    const collected = node.readers.map((reader) => ({
      reader,
      ...explains(reader).collected(reader, unit, step, head),
    }));
    for (const { reader, blocks: found } of collected)
      parts.push(
        el("p", { class: "from" }, "from ", el("b", {}, reader.short), ` (${kindInWords(reader)})`),
        ...found,
      );
    if (loss) parts.push(...fromLoss(loss, node, at, step));
    if (collected.length > 1)
      parts.push(
        line(
          ...collected.flatMap(({ value, of: what, reader }, i) => [
            i ? "+" : "",
            num(value, what, 4),
            `(${reader.short})`,
          ]),
          "=",
          gradientNum(node, step, head, at),
        ),
      );
    else if (!loss && collected.length) parts.push(line("gradient that arrives:", gradientNum(node, step, head, at)));
    parts.push(heading("Where it goes"), ...layer.sent(node, unit, step, head));
  }
  return [...parts, ...links(node.kind)];
}

/* The gradient that a head's output gets from its loss. */
function fromLoss(loss, node, at, step) {
  if (state.head !== "both" && state.head !== loss)
    return [
      note(`The gradient of ${HEAD_NAMES[state.head]} does not come this way: it is 0 here.`),
      line(gradientNum(node, step, state.head, at)),
    ];
  const weight = loss === "class" ? told.loss.class_weight : told.loss.box_weight,
    { classes, box, pred } = step.loss,
    start = boxStart(step.picture.label),
    total = gradientNum(node, step, state.head, at);
  const times = weight === 1 ? [] : [`× weight ${weight}`];
  const go = el(
    "button",
    { class: "link", onclick: () => change({ node: `${loss} loss`, unit: null }) },
    `see the whole ${loss} loss`,
  );
  if (loss === "class")
    return [
      line(
        "p",
        num(classes.p[at], `softmax|${at}`),
        told.loss.label_smoothing ? "− truth" : "− onehot",
        num(classes.truth[at], `truth|${at}`),
        ...times,
        "=",
        total,
      ),
      line(go),
    ];
  if (at < start || at >= start + 4)
    return [note("Only the box of the true class is compared: this one gets no gradient."), line(total)];
  if (told.loss.box_loss !== "L2Loss") return [line("the slope of", told.loss.box_loss, ":", total), line(go)];
  return [
    line(
      "2 × (",
      num(pred[at - start], of.y(node, at)),
      "−",
      num(step.picture.target[at - start], `target|${at - start}`),
      ") / 4",
      ...times,
      "=",
      total,
    ),
    line(go),
  ];
}

function parameterDetail(node, step) {
  if (!state.parameter)
    return [el("h3", {}, node.short), note("Click into a layer's parameters: its weights, w, or its biases, b.")];
  const { name, place } = state.parameter;
  return [
    el("h3", {}, parameterName(node, name, indexOf(node.shapes[name], place))),
    el("p", { class: "where" }, parameterPlace(node, name, place)),
    ...parameterBlocks(step),
    ...links("SGD"),
  ];
}

function parameterPlace(node, name, place) {
  const index = indexOf(node.shapes[name], place);
  if (node.kind === "Conv2d" && name === "w")
    return `kernel of filter ${index[3]}: place ${index[0]}, ${index[1]}, for channel ${index[2]} below`;
  if (node.kind === "Linear" && name === "w") return `weight from input ${index[0]} to ${unitName(node, [index[1]])}`;
  return `of ${node.kind === "Linear" ? unitName(node, index) : `channel ${index[0]}`}`;
}

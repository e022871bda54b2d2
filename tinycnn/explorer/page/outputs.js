/* The cards of the two heads' outputs and of the two losses: numbers with names, so bars in place of maps. */
"use strict";

const LISTED = 20; // classes that a card lists

/* A list of bars that can be selected: [{name, value, of, act, chosen, marked}]. */
function barList(items, label) {
  const most = Math.max(...items.map((item) => Math.abs(item.value)), 1e-30);
  return el(
    "ul",
    { class: "bars", "aria-label": label },
    items.map((item) =>
      el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: item.marked ? "row true" : "row",
            "aria-pressed": String(Boolean(item.chosen)),
            onclick: item.act,
          },
          el("span", { class: "name" }, item.name),
          bar(item.value, most),
          num(item.value, item.of),
        ),
      ),
    ),
  );
}

/* The outputs of a head, or the gradients that arrive there. */
function outputItems(node, step) {
  const numbers = shownOf(node, step),
    class_ = node.number === told.class_end;
  const items = Array.from(numbers, (value, i) => ({
    value,
    i,
    name: unitName(node, [i]).replace("score of ", ""),
    of: state.mode === "backward" ? of.d(state.head, node, i) : of.y(node, i),
    act: () => select(node.number, [i]),
    marked: class_ && i === step.picture.label,
    chosen: state.node === node.number && state.unit[0] === i,
  }));
  if (items.length <= LISTED) return items;
  const start = boxStart(step.picture.label);
  if (!class_) return items.slice(start, start + 4);
  return items.sort((a, b) => b.marked - a.marked || Math.abs(b.value) - Math.abs(a.value)).slice(0, LISTED);
}

/* The card of a head's last layer. */
class OutputCard {
  constructor(node) {
    this.node = node;
    this.element = el("div", { class: "outputs" });
  }

  draw() {
    const rows = outputItems(this.node, stepOf());
    this.element.replaceChildren(
      barList(rows, this.node.number === told.class_end ? "scores" : "the box head's numbers"),
    );
  }

  mark() {
    this.draw();
  }
}

/* The card of the class loss or of the box loss. */
class LossCard {
  constructor(which) {
    this.which = which;
    this.element = el("div", { class: "outputs" });
  }

  draw() {
    const step = stepOf(),
      { loss, picture } = step,
      act = () => change({ node: `${this.which} loss`, unit: null, parameter: null });
    if (this.which === "class") {
      const ranks = largest(loss.classes.p, 5);
      if (!ranks.includes(picture.label)) ranks.splice(4, 1, picture.label);
      const back = state.mode === "backward";
      this.element.replaceChildren(
        barList(
          ranks.map((k) => ({
            name: told.classes[k],
            value: back ? loss.dscores[k] : loss.classes.p[k],
            of: back ? of.d("class", nodes[told.class_end], k) : `softmax|${k}`,
            act,
            marked: k === picture.label,
            chosen: state.node === "class loss",
          })),
          "probabilities",
        ),
        line("class loss", num(loss.classes.value, "loss|class", 4)),
      );
    } else {
      const canvas = el("canvas", { role: "img", "aria-label": boxesInWords(step) }),
        truth = cornersOf(picture.code);
      drawPicture(canvas, step.number, 150, [
        { box: truth, color: "#009E73", dash: true },
        { box: boxOf(loss.pred), color: "#D55E00" },
      ]);
      this.element.replaceChildren(
        el(
          "div",
          { class: "loss-box" },
          canvas,
          el(
            "div",
            {},
            el("p", { class: "key" }, el("span", { class: "stroke true" }), "true box"),
            el("p", { class: "key" }, el("span", { class: "stroke said" }), "predicted"),
            line("box loss", num(loss.box.value, "loss|box", 4)),
            el(
              "button",
              { class: "link", "aria-pressed": String(state.node === "box loss"), onclick: act },
              "its four differences",
            ),
          ),
        ),
      );
    }
  }

  mark() {
    this.draw();
  }
}

function boxesInWords(step) {
  const shares = (box) => box.map((a) => Math.round(a * told.image_size)).join(", ");
  return (
    `true box ${shares(cornersOf(step.picture.code))}, predicted ${shares(boxOf(step.loss.pred))} (left, ` +
    "top, right, bottom in pixels of the network's input)"
  );
}

/* Maps: the numbers of a layer as tiles, one for each channel, and the unit that is selected among them. */
"use strict";

/* How a node's numbers are drawn: as maps (H, W, C), a vector as one tile for each number. */
function drawnShape(node) {
  if (node.kind === "Flatten" && node.from.length === 3) return node.from; // the same numbers in the same order
  return node.shape.length === 3 ? node.shape : [1, 1, node.shape[0]];
}

class Maps extends Tiles {
  constructor(node) {
    const label =
      `${node.short}: ${shapeInWords(node)}. Arrow keys move the selected unit, ` +
      "Page Up and Page Down change the channel.";
    super(drawnShape(node), "maps", label, { "data-node": node.number });
    this.node = node;
    this.whole = null; // draws the picture beside its channels, and says how wide it is
  }

  draw(width) {
    if (this.whole) width = Math.min(3 * 186, width - this.whole(width) - 12);
    this.paint(shownOf(this.node), tiles(this.shape, width, window.innerWidth < 700 ? 200 : TALLEST));
  }

  /* A drawn unit as the unit of the node's output, and back. */
  own(unit) {
    return unitAt(this.node.shape, offset(this.shape, unit));
  }
  drawn(unit) {
    return unitAt(this.shape, offset(this.node.shape, unit));
  }

  choose(drawn) {
    select(this.node.number, this.own(drawn));
  }

  press(event) {
    const [h, w, c] = this.shape,
      { columns } = this.layout;
    let [y, x, k] = state.node === this.node.number && state.unit ? this.drawn(state.unit) : [0, 0, 0];
    const flat = h === 1 && w === 1,
      moves = {
        ArrowLeft: () => (flat ? k-- : x--),
        ArrowRight: () => (flat ? k++ : x++),
        PageUp: () => k--,
        PageDown: () => k++,
        ArrowUp: () => (flat ? (k -= columns) : y--),
        ArrowDown: () => (flat ? (k += columns) : y++),
        Enter: () => 0,
      };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
    if (k < 0 || k >= c) return;
    [y, x] = [Math.min(h - 1, Math.max(0, y)), Math.min(w - 1, Math.max(0, x))];
    this.choose([y, x, k]);
  }
}

"""What a page says of its numbers, evaluated with the library: "y|3|17 * p|4|w|5 + ..." -> a number of NumPy's.

A page gives every number that it shows a few words that say what it is (num() in page/elements.js). Here these words
are looked up in a step that NumPy has taken, with the layers themselves, so a page cannot be right by agreeing with
itself.
"""

import re

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.explorer.record import calm_twin, record
from tinycnn.inspection.taps import batch_of, frames, loss_for
from tinycnn.models.localizer import softmax

NUMBER = re.compile(r"^[−-]?\d+(\.\d+)?(e[−-]?\d+)?$")


class Numbers:
    """A network's step on some samples, as the page words its numbers.

    picture: the one that is looked at, counted from 0
    """

    def __init__(self, model, samples, loss=None, rate=0.01):
        self.model, self.samples, self.rate = calm_twin(model), samples, rate
        self.loss = loss_for(self.model, loss)
        self.x, self.labels, targets = batch_of(self.model, samples.images, samples.labels, samples.boxes)
        self.targets = targets.astype(np.float64)
        self.step = record(self.model, self.x, self.labels, self.targets, self.loss)
        self.nodes, self.picture, self.moved = self.step.graph.nodes, 0, {}

    def value(self, words):
        """The number that `words` stand for."""
        pieces = re.split(r" ([-+*/]) ", words)
        total, product, sign = 0.0, self.atom(pieces[0]), 1
        for operator, atom in zip(pieces[1::2], pieces[2::2], strict=True):
            number = self.atom(atom)
            if operator in "*/":
                product = product * number if operator == "*" else product / number
            else:
                total, product, sign = total + sign * product, number, 1 if operator == "+" else -1
        return float(total + sign * product)

    def atom(self, words):
        if re.fullmatch(r"-?[\d.]+", words):
            return float(words)
        kind, *rest = words.split("|")
        return getattr(self, f"_{kind.replace(' ', '_')}")(*rest)

    def gradients(self, head, which):
        """A gradient of one head, or of both: which(head) -> array."""
        return which("class") + which("box") if head == "both" else which(head)

    def _data(self, *path):
        """Something that the page was told, by its place in told: `told` is set by those who ask for it."""
        found = self.told
        for key in path:
            found = found[int(key) if isinstance(found, list) else key]
        return found

    def _y(self, node, place):
        return self.step.values[int(node)][self.picture].reshape(-1)[int(place)]

    def _d(self, head, node, place):
        found = self.gradients(head, lambda one: self.step.gradients[one][int(node)][self.picture])
        return found.reshape(-1)[int(place)]

    def _sent(self, head, node, place):
        found = self.gradients(head, lambda one: self.step.sent[one][int(node)][self.picture])
        return found.reshape(-1)[int(place)]

    def _name(self, node, name):
        return f"{self.nodes[int(node)].name}.{name}"

    def _p(self, node, name, place):
        return self.model.parameters()[self._name(node, name)].value.reshape(-1)[int(place)]

    def _g(self, head, node, name, place):
        key = self._name(node, name)
        found = self.gradients(head, lambda one: self.step.parameters[one][key][self.picture])
        return found.reshape(-1)[int(place)]

    def _after(self, head, node, name, place):
        return self._p(node, name, place) - self.rate * self._g(head, node, name, place)

    def _rate(self):
        return self.rate

    def _pixel(self, place):
        return frames(self.model, self.samples.images)[0][self.picture].reshape(-1)[int(place)]

    def _mean(self, c):
        return np.broadcast_to(self.model.pixel_mean, 3)[int(c)]

    def _scale(self, c):
        return np.broadcast_to(self.model.pixel_scale, 3)[int(c)]

    def _softmax(self, k):
        return softmax(self.step.values[self.step.graph.class_end])[self.picture, int(k)]

    def _truth(self, k):
        e, n = self.loss.class_loss.label_smoothing, len(self.model.classes)
        return (1 - e) * (int(k) == self.labels[self.picture]) + e / n

    def _target(self, k):
        return self.targets[self.picture, int(k)]

    def _square(self, k):
        start = 4 * self.labels[self.picture] if self.model.per_class_boxes else 0
        return (self.step.values[self.step.graph.box_end][self.picture, start + int(k)] - self._target(k)) ** 2

    def _loss(self, head):
        return self.step.losses[head][self.picture]

    def _layer(self, node):
        return self.nodes[int(node)].layer

    def _buffer(self, node, name, c):
        return getattr(self._layer(node), name).value[int(c)]

    def _scale_of(self, node, c):
        return 1 / np.sqrt(self._buffer(node, "running_var", c) + self._layer(node).eps)

    def _normalized(self, node, place):
        c = int(place) % self._layer(node).channels
        x = self._y(self.nodes[int(node)].inputs[0], place)
        return (x - self._buffer(node, "running_mean", c)) * self._scale_of(node, c)

    def _s(self, node, place):
        """s of local response normalization, as the layer keeps it for its backward."""
        self._layer(node).forward(self.step.values[self.nodes[int(node)].inputs[0]][self.picture : self.picture + 1])
        _, s, _ = self._layer(node).kept()
        return s.reshape(-1)[int(place)]

    def _s_power(self, node, place):
        return self._s(node, place) ** self._layer(node).beta

    def _through(self, head, node, pixel, c, k):
        """What the gradient at channel k alone sends to channel c, other than directly: the layer's own backward."""
        node, pixel, c, k = int(node), int(pixel), int(c), int(k)
        layer, x = self._layer(node), self.step.values[self.nodes[node].inputs[0]][self.picture : self.picture + 1]
        dy = np.zeros(x.size)
        dy[pixel + k] = self._d(head, node, pixel + k)
        layer.forward(x)
        sent = layer.backward(dy.reshape(x.shape)).reshape(-1)[pixel + c]
        return sent - (dy[pixel + k] / self._s_power(node, pixel + k) if c == k else 0)

    # The view of one step: the network is asked again with moved weights.

    def _step(self, learned, times, what, *rest):
        scores, boxes, loss = self._answer(learned, float(times))
        if what in ("class", "box") and not rest:
            return loss[what]
        if what == "total":
            return self.loss.class_weight * loss["class"] + self.loss.box_weight * loss["box"]
        if what == "p":
            return softmax(scores[None])[0, int(rest[0])]
        if what == "box":
            return boxes[int(rest[0])]
        sides = np.array([1, 1])
        truth = box_codec.encode(self.samples.boxes, self.samples.sizes)[self.picture]
        pair = [box_codec.clip(box_codec.decode(code, sides), sides)
                for code in (truth, boxes * self.model.box_std + self.model.box_mean)]
        return box_codec.iou(*pair)

    def _step_gradient(self, learned, node, name, place):
        found = self._g_all(self._name(node, name))
        return (found[self.picture] if learned == "one" else found.mean(axis=0)).reshape(-1)[int(place)]

    def _g_all(self, key):
        return self.step.parameters["class"][key] + self.step.parameters["box"][key]

    def _step_weight(self, learned, times, node, name, place):
        return self._p(node, name, place) - float(times) * self.rate * self._step_gradient(learned, node, name, place)

    def _answer(self, learned, times):
        """(scores, the box of the true class, both losses) behind a step of `times` times the rate."""
        key = learned, times, self.picture
        if key not in self.moved:
            second = calm_twin(self.model)
            for name, parameter in second.parameters().items():
                found = self._g_all(name)
                gradient = found[self.picture] if learned == "one" else found.mean(axis=0)
                parameter.value = parameter.value - times * self.rate * gradient
            i = slice(self.picture, self.picture + 1)
            again = record(second, self.x[i], self.labels[i], self.targets[i], self.loss, parameters=False)
            start = 4 * self.labels[self.picture] if self.model.per_class_boxes else 0
            boxes = again.values[again.graph.box_end][0, start : start + 4]
            losses = {head: again.losses[head][0] for head in ("class", "box")}
            self.moved[key] = again.values[again.graph.class_end][0], boxes, losses
        return self.moved[key]


def shown(text):
    """(the number that a text shows, half a unit of its last digit)."""
    assert NUMBER.match(text), f"{text!r} is no number as the page writes them"
    plain = text.replace("−", "-")
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(plain), 0.5 * 10.0 ** (int(exponent or 0) - decimals)

"""Calls of lesson 13."""

import numpy as np


def _with_score(function, args, kwargs):
    """The map of a score that depends on every pixel, and not as a sum over them."""
    image, weights, size, stride = args
    return [function(lambda x: float(np.tanh((x * weights).sum()) + 0.1 * (x**2 * weights).sum()), image, size, stride)]


class Net:
    """A small network of two heads; backward gives the gradient of sum(dscores * scores) + sum(dboxes * boxes)."""

    def __init__(self, w, v, u):
        self.w, self.v, self.u = w, v, u

    def forward(self, x):
        self.shape, self.hidden = x.shape, np.tanh(x.reshape(len(x), -1) @ self.w)
        return self.hidden @ self.v, self.hidden @ self.u

    def backward(self, dscores, dboxes):
        dhidden = np.asarray(dscores) @ self.v.T + np.asarray(dboxes) @ self.u.T
        return ((dhidden * (1 - self.hidden**2)) @ self.w.T).reshape(self.shape)


def _on_a_net(function, args, kwargs):
    x, labels, *weights = args
    net = Net(*weights)
    return [function(net.forward, net.backward, x, labels)]


CALLS = {"saliency": _on_a_net, "occlusion": _with_score}

"""Exercises that end in a layer with weights w and a bias b: how it is graded, and the mistakes that all share.

Graded as in a network: two layers at work at once, so that one runs forward before the other has run backward, and
then a second step of the first.
"""


from lessons.known.exercise import Mistake


def wrong_layers(right, own_share, added_over):
    """{key: Mistake}, each a layer that is `right` but for one thing. right: remembers x, and nothing else

    own_share: what b is to an output, for a sentence    added_over: what a backward adds up over
    """
    def accumulates(self, dy):
        before = self.w.grad, self.b.grad
        dx = right.backward(self, dy)
        if before[0] is not None:
            self.w.grad, self.b.grad = self.w.grad + before[0], self.b.grad + before[1]
        return dx

    def updates(rate):
        def backward(self, dy):
            dx = right.backward(self, dy)
            self.w.value, self.b.value = self.w.value - rate * self.w.grad, self.b.value - rate * self.b.grad
            return dx
        return backward

    def changed(change):
        def backward(self, dy):
            dx = right.backward(self, dy)
            change(self, dy)
            return dx
        return backward

    def batch_mean(self, dy):
        self.w.grad, self.b.grad = self.w.grad / len(dy), self.b.grad / len(dy)

    def exchanged(self, dy):
        self.w.grad, self.b.grad = self.b.grad, self.w.grad

    def stored_elsewhere(self, dy):
        self.w.value, self.b.value = self.w.grad, self.b.grad

    def layer(**methods):
        return type("Wrong", (right,), methods)

    says = {
        "accumulates": (
            layer(backward=accumulates),
            "The gradient of the step before is still in there. Every backward writes its gradient anew (=); adding up "
            f"belongs inside one backward, over {added_over}."),
        "updates": (
            layer(backward=updates(0.01)),
            "The weights have changed, though no optimizer was called. backward computes gradients and leaves the step "
            "to the optimizer."),
        "updates more": (
            layer(backward=updates(0.1)),
            "The weights are not what they were before backward. It computes gradients; who changes a weight is the "
            "optimizer, later."),
        "shared": (
            _shared(right),
            "Two layers disturb each other: the second one's x is used in the first one's backward. What forward keeps "
            "belongs to this one layer, to self, not to the class."),
        "first batch": (
            _first_batch(right),
            "backward still uses the x of the very first batch. Every forward replaces what was remembered."),
        "bias forgotten": (
            layer(forward=lambda self, x: right.forward(self, x) - self.b.value),
            f"The layer's b has no part in y. Every output number gets {own_share}."),
        "batch mean": (
            layer(backward=changed(batch_mean)),
            "It is divided by the batch size. The loss has done that already; a layer only adds up."),
        "exchanged": (
            layer(backward=changed(exchanged)),
            "The gradients of w and of b are in each other's place. In which order does your backward return them?"),
        "stored elsewhere": (
            layer(backward=changed(stored_elsewhere)),
            "The gradient has replaced the weight itself. A Parameter has two places: value and grad."),
    }
    return {key: Mistake(*pair) for key, pair in says.items()}


def _shared(right):
    """What is remembered belongs to the class, so to all layers at once."""
    latest = []

    def forward(self, x):
        latest[:] = [x]
        return right.forward(self, x)

    def backward(self, dy):
        self.remember(*latest)
        return right.backward(self, dy)

    return type("Shared", (right,), {"forward": forward, "backward": backward})


def _first_batch(right):
    """What is remembered is never replaced."""
    def forward(self, x):
        self.first = getattr(self, "first", x)
        return right.forward(self, x)

    def backward(self, dy):
        self.remember(self.first)
        return right.backward(self, dy)

    return type("FirstBatch", (right,), {"forward": forward, "backward": backward})

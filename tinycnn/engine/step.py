"""A step: how one layer of a row, or a fused pair, is run on a chunk of images, forward and back.

    forward(x, y, worker) -> kept          writes y; kept: what backward needs
    backward(dy, kept, dx, worker)         writes dx unless it is None; worker.add(parameter, share of its gradient)
"""

import weakref


def learns(layer):
    """Whether a layer has a parameter that training may change."""
    return any(not parameter.frozen for parameter in layer.parameters().values())


class Step:
    """How one layer, or a fused pair, is run. x_shape: (N, H, W, C)    dtype: of x, and so of everything"""

    keeps_x = keeps_y = False  # whether its input, or its output, is kept for backward
    shrinks = False  # whether y is much smaller than x

    def __init__(self, layer, x_shape, dtype, *more_layers):
        # A plan outlives its forward (plans.py) and must not keep a network alive; the row that uses it does.
        self._layers = [weakref.ref(each) for each in (layer, *more_layers)]
        self.keep = layer.keeping
        self.y_shape = tuple(layer.output_shape(x_shape[1:]))  # of one image

    @property
    def layer(self):
        """The layer; of a fused pair the first one."""
        return self._layers[0]()

    @property
    def layers(self):
        """All layers that it runs."""
        return tuple(layer() for layer in self._layers)

    def scratch_bytes(self, x_shape, itemsize):
        """Scratch memory for one image that decides, with the arrays between layers, how large a chunk may be."""
        return 0

    def workspace_bytes(self, x_shape, itemsize):
        """Scratch memory for one image, whoever bounds it."""
        return self.scratch_bytes(x_shape, itemsize)

    # A recorder is shown what flows between the layers, also where a fused pair never writes it down.

    def show_forward(self, x, y, kept, show):
        """Call show(layer, x, y) for each layer; share=0.0 for one whose time another has."""
        show(self.layer, x, y)

    def show_backward(self, dy, dx, kept, show):
        """Call show(layer, dy, dx) for each layer, the last one first."""
        show(self.layer, dy, dx)

"""Right numbers, wrong habits: convolutions that remember, add up, write or refuse what they should not; and groups."""

from functools import partial

import numpy as np

from .convolution import SUM, TO_IMAGES, TO_KERNEL, conv


def channels(rng):
    return (rng.standard_normal((3, 5, 4, 6), dtype=np.float32),)


PATCHES = "im2col(x, self.kernel, self.stride, self.padding, (oh, ow), dilation=self.dilation)"

conv("accumulated", "accumulated", "dw is added to the gradient of the step before.",
     (TO_KERNEL, f"{TO_KERNEL} + (0 if self.w.grad is None else self.w.grad)"))

conv("old patches", "stale", "dw uses the patches of the very first forward.",
     (f"cols = {PATCHES}", f"cols = self._cols = getattr(self, '_cols', {PATCHES})"))

conv("old weights", "stale", "dx uses a transposed kernel that was made once.",
     ("dcols = rows @ split(self.w.value, g).swapaxes(1, 2)",
      "self._w = getattr(self, '_w', split(self.w.value, g).swapaxes(1, 2).copy())\n"
      "        dcols = rows @ self._w"))

conv("updates itself", "modified", "backward changes the weights, which is the optimizer's work.",
     ("dx = col2im(", "self.w.value -= 0.01 * self.w.grad\n        dx = col2im("))

conv("overwrites upstream", "modified", "backward scales dy in place.",
     ("dx = col2im(", "dy *= 0.5\n        dx = col2im("))

conv("memory order assumed", "layout",
     "db reads dy in the order of memory, which is another one for a slice or a transpose.",
     (SUM, "dy.ravel(order='K').reshape(-1, dy.shape[3]).sum(axis=0)"))

conv("needs contiguous", "raises", "backward refuses a dy that is a slice or a transpose.",
     ("cols = im2col(", "if not dy.flags.c_contiguous:\n"
                        "            raise ValueError('dy must be contiguous')\n"
                        "        cols = im2col("))

conv("saves too much", "input_gradient", "Without dx, db is left out too.",
     ("if self.b is not None:", "if self.b is not None and input_gradient:"))

# --- groups ---

grouped = partial(conv, inputs=channels, in_channels=6, groups=2)

grouped("groups of input exchanged", "groups", "dx of the first group is written to the second group's channels.",
        ("dx.reshape(g, n * h * w, x.shape[3])", "dx.reshape(g, n * h * w, x.shape[3])[::-1]"))

grouped("groups of upstream exchanged", "groups", "Every group takes the other group's dy.",
        ("split(dy, g)", "split(dy, g)[::-1]"))

grouped("groups of patches exchanged", "groups", "dw is computed from the other group's channels.",
        ("cols.reshape(g, n * oh * ow, cols.shape[3])", "cols.reshape(g, n * oh * ow, cols.shape[3])[::-1]"))

grouped("groups of filters exchanged", "groups", "dx is computed with the other group's filters.",
        ("split(self.w.value, g)", "split(self.w.value, g)[::-1]"))

grouped("groups left in front of dx", "axes", "The groups of dx are not moved back behind the pixels.",
        (f".swapaxes(0, 1){TO_IMAGES}", TO_IMAGES))

grouped("groups left in front of dw", "axes", "The groups of dw are not moved back beside the filters.",
        (f"dw.swapaxes(0, 1){TO_KERNEL}", f"dw{TO_KERNEL}"))

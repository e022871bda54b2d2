"""Wrong pooling layers."""

from functools import partial

import numpy as np

from tinycnn.layers import AvgPool2d, MaxPool2d

from .convolution import ADDED, CROPPED
from .registry import plant


def images(rng):
    return (rng.standard_normal((3, 6, 5, 2), dtype=np.float32),)


def even(rng):
    return (rng.standard_normal((3, 6, 8, 2), dtype=np.float32),)


# --- MaxPool2d ---

largest = partial(plant, MaxPool2d, inputs=even, kernel_size=2)
overlapping = partial(plant, MaxPool2d, inputs=images, kernel_size=3, stride=2, padding=1)

WON = "place == winner[:, :, :, None]"

largest("every tie wins", "ties", "The gradient goes to every pixel that equals the maximum.",
        ("self.remember(x.shape, winner,",
         "self.remember(x.shape, winner, windows == windows.max(axis=3, keepdims=True),"),
        ("x_shape, winner =", "x_shape, winner, best ="), (WON, "best"), at="forward backward")

largest("whole window wins", "mask", "The gradient goes to every pixel of the window.",
        (WON, "place >= 0"))

largest("smallest wins", "mask", "argmin where argmax is needed.",
        ("windows.argmax(axis=3)", "windows.argmin(axis=3)"), at="forward")

largest("winner transposed", "mask", "Row and column of the winner are exchanged.",
        (WON, "place % 2 * 2 + place // 2 == winner[:, :, :, None]"))

largest("winner always first", "mask", "The gradient goes to the upper left pixel.",
        (WON, "place == 0"))

largest("winner counted from one", "mask", "The gradient goes to the pixel behind the winner.",
        (WON, "place == winner[:, :, :, None] + 1"))

largest("winner of all channels", "mask", "One winner for all channels.",
        ("self.remember(x.shape, winner,", "self.remember(x.shape, windows.max(axis=4, keepdims=True).argmax(axis=3),"),
        at="forward")

plant(MaxPool2d, "pool overlap assigned", "overlap", "A pixel that wins several windows keeps the last one's gradient.",
      (ADDED, "part = padded[:, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]\n"
              "            np.copyto(part, cols[:, :, :, i, j], where=cols[:, :, :, i, j] != 0)"),
      inputs=images, kernel_size=3, stride=1, at="col2im")

plant(MaxPool2d, "last window assigned", None, "A pixel keeps what the last window gives it, were it 0.",
      (ADDED, ADDED.replace("+=", "=")), inputs=images, kernel_size=3, stride=1, at="col2im")

overlapping("pool padding cropped on one side", "shift", "The padding is cut off at the high end only.",
            (CROPPED, "padded[:, :h, :w]"), at="col2im")

overlapping("pool without padding", "shift", "The padding is not handed to col2im.",
            ("self.stride, self.padding", "self.stride"), at="_add_windows")

overlapping("pool with usual stride", None, "col2im is given windows that do not overlap.",
            ("self.kernel, self.stride, self.padding", "self.kernel, self.kernel, self.padding"), at="_add_windows")

largest("winner shares with window", "factor", "The winner gets a quarter, as in average pooling.",
        ("dy[:, :, :, None]", "dy[:, :, :, None] / 4"))

largest("winners of first forward", "stale", "The winners are found once.",
        ("x_shape, winner = self.recall(dy)", "x_shape, winner = self.recall(dy)\n"
                                              "        winner = self._first = getattr(self, '_first', winner)"))

largest("pool batch reversed", "batch order", "Images are given back in reverse order.",
        ("self._add_windows(dwindows, x_shape)", "self._add_windows(dwindows, x_shape)[::-1]"))

# --- AvgPool2d ---

mean = partial(plant, AvgPool2d, inputs=even, kernel_size=2)
bordered = partial(plant, AvgPool2d, inputs=images, kernel_size=3, stride=2, padding=1)

mean("not divided", "factor", "Every pixel gets the whole gradient.",
     ("dy / self._counts(dy, x_shape)", "dy"))

bordered("border divided by whole window", "border", "backward divides by 9 at the border too, forward by the pixels "
         "inside.", ("self._counts(dy, x_shape)", "9"), count_include_pad=False)

bordered("mean overlap assigned", "overlap", "= where += is needed.",
         (ADDED, ADDED.replace("+=", "=")), at="col2im")

mean("one pixel for all", "mask", "Only the upper left pixel of a window gets its share.",
     ("self._add_windows(dwindows", "self._add_windows(dwindows * (np.arange(4)[:, None] == 0)"))

mean("average negative", "sign", "The wrong sign.",
     ("share = dy", "share = -dy"))

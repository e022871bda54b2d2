"""Wrong convolutions. The first five are those that an upstream gradient of ones lets pass, all but one."""

from functools import partial

import numpy as np

from tinycnn.layers import Conv2d

from .registry import plant


def images(rng):
    return (rng.standard_normal((3, 6, 5, 2), dtype=np.float32),)


def squares(rng):
    return (rng.standard_normal((3, 5, 5, 2), dtype=np.float32),)


CONV = {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1}

conv = partial(plant, Conv2d, inputs=images, **CONV)
strided = partial(conv, stride=2)

# --- dx ---

TO_IMAGES = ".reshape(n, h, w, self.in_channels)"

conv("height and width swapped", "axes", "dx is returned with height and width transposed.",
     (TO_IMAGES, f"{TO_IMAGES}.swapaxes(1, 2)"), inputs=squares)

conv("turned in space", "flip", "dx is returned turned by 180 degrees.",
     (TO_IMAGES, f"{TO_IMAGES}[:, ::-1, ::-1]"))

conv("batch reversed", "batch order", "dx of the last image is returned first.",
     (TO_IMAGES, f"{TO_IMAGES}[::-1]"))

conv("upstream ignored", "dy ignored", "backward uses ones in place of dy.",
     ("cols = im2col(", "dy = np.ones_like(dy)\n        cols = im2col("))

conv("kernel not turned", "flip", "dx as the convolution of dy with the kernel as it lies, not turned by 180 degrees.",
     ("split(self.w.value, g)", "split(self.w.value[::-1, ::-1], g)"))

conv("border left out", "border", "dx is written where the whole window lies inside, and stays 0 at the border.",
     ("return dx.reshape(", "dx = np.pad(dx[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0)))\n"
                            "        return dx.reshape("))

conv("padding forgotten", "border", "dx sees only the windows that need no padding.",
     ("dcols = rows @", "inside = np.pad(dy[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0)))\n"
                        "        dcols = split(inside, g) @"))

conv("gradient for weights", "nonlinear", "dx is computed with the gradient of the weights where the weights belong.",
     ("split(self.w.value, g)", "split(self.w.grad, g)"))

# --- dx, on its way from patches to images ---

BACK = "x.shape, self.kernel, self.stride, self.padding, self.dilation"

conv("col2im without padding", "shift", "The padding is not handed to col2im.",
     (BACK, "x.shape, self.kernel, self.stride"))

strided("col2im without stride", None, "The stride is not handed to col2im.",
        (BACK, "x.shape, self.kernel, padding=self.padding"))

plant(Conv2d, "col2im without dilation", None, "The dilation is not handed to col2im.",
      (BACK, BACK.removesuffix(", self.dilation")),
      inputs=images, in_channels=2, out_channels=4, kernel_size=2, dilation=2)

ADDED = "padded[:, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += cols[:, :, :, i, j]"
CROPPED = "padded[:, ph : ph + h, pw : pw + w]"

conv("overlap assigned", "overlap", "col2im with = where += is needed.",
     (ADDED, ADDED.replace("+=", "=")), at="col2im")

strided("overlap assigned with stride", "overlap", "The same with stride 2, where windows overlap in part.",
        (ADDED, ADDED.replace("+=", "=")), at="col2im")

strided("stride ignored", None, "dx puts the windows next to each other, as if the stride were 1.",
        (ADDED, "padded[:, i : i + oh, j : j + ow] += cols[:, :, :, i, j]"), at="col2im")

conv("padding cropped on one side", "shift", "The padding is cut off at the high end only.",
     (CROPPED, "padded[:, :h, :w]"), at="col2im")

conv("rows cropped twice", "shift", "Twice the padding is cut off above, none below.",
     (CROPPED, "padded[:, 2 * ph :, pw : pw + w]"), at="col2im")

conv("window transposed", "axes", "col2im takes rows of the window for columns.",
     ("cols[:, :, :, i, j]", "cols[:, :, :, j, i]"), at="col2im")

conv("channels before window", None, "col2im reads patches as if channels came first in them.",
     ("cols.reshape(n, oh, ow, kh, kw, c)", "cols.reshape(n, oh, ow, c, kh, kw)"),
     ("cols[:, :, :, i, j]", "cols[:, :, :, :, i, j]"), at="col2im")

# --- dw ---

PRODUCT, TO_KERNEL = "cols.reshape(g, n * oh * ow, cols.shape[3]).swapaxes(1, 2) @ rows", ".reshape(self.w.value.shape)"

conv("weight gradient turned", "flip", "dw as in a convolution with a flipped kernel.",
     (TO_KERNEL, f"{TO_KERNEL}[::-1, ::-1]"))

conv("images and gradients mismatched", "batch order", "dw pairs every image with another image's dy.",
     (PRODUCT, PRODUCT.replace("rows", "split(dy[::-1], g)")))

conv("weight matrix transposed", "axes", "dw = (dy.T @ cols) reshaped to the kernel: read in the wrong order.",
     (PRODUCT, "rows.swapaxes(1, 2) @ cols.reshape(g, n * oh * ow, cols.shape[3])"))

conv("kernel rows and columns swapped", "axes", "dw with kernel rows and columns exchanged.",
     (TO_KERNEL, f"{TO_KERNEL}.swapaxes(0, 1)"), inputs=squares)

conv("weight gradient of last image", "overlap", "dw = in a loop over the batch, instead of dw +=.",
     (f"dw = {PRODUCT}", "for patches, d in zip(cols, dy, strict=True):\n            dw = patches.reshape(1, oh * "
                         "ow, -1).swapaxes(1, 2) @ split(d, g)"))

conv("weight gradient off by padding", "shift", "dw is computed on an image padded on one side only.",
     ("im2col(x, self.kernel, self.stride, self.padding, (oh, ow), dilation=self.dilation)",
      "im2col(np.pad(x, ((0, 0), (2, 0), (2, 0), (0, 0))), self.kernel, self.stride)"))

conv("weight gradient negative", "sign", "dw has the wrong sign.",
     (f"dw = {PRODUCT}", f"dw = -{PRODUCT}"))

conv("weight gradient mean", "batch mean", "dw is divided by the batch size, which the loss has done already.",
     (TO_KERNEL, f"{TO_KERNEL} / n"))

conv("last filter forgotten", "some indices", "A loop over filters ends one too early.",
     ("self.w.grad = dw", "dw[..., -1] = 0\n        self.w.grad = dw"))

conv("single precision", "float32", "dw is accumulated in float32, whatever comes in.",
     (PRODUCT, PRODUCT.replace(" @ rows", ".astype(np.float32) @ rows.astype(np.float32)")),
     (TO_KERNEL, f"{TO_KERNEL}.astype(dy.dtype)"))

conv("weight decay in backward", "extra term", "The gradient of a penalty is added that forward does not have.",
     (TO_KERNEL, f"{TO_KERNEL} + 0.01 * self.w.value"))

conv("clipped", "clipped", "dw is clipped in backward.",
     (TO_KERNEL, f"{TO_KERNEL}.clip(-0.5, 0.5)"))

conv("centered input remembered", None, "forward remembers another x than it computes with.",
     ("self.remember(x, output=y)", "self.remember(x - x.mean(), output=y)"), at="forward")

# --- db ---

SUM = "dy.sum(axis=(0, 1, 2))"

conv("no bias gradient", "never stored", "db is never stored.",
     (f"self.b.grad = {SUM}", f"db = {SUM}"))

conv("bias gradient left at zero", "never stored", "db is stored as the zeros that it was made with.",
     (SUM, "np.zeros_like(self.b.value)"))

conv("bias gradient mean", "factor", "db is the mean over images and positions instead of the sum.",
     (SUM, "dy.mean(axis=(0, 1, 2))"))

conv("bias gradient for each image", "not summed", "db is summed over positions only: (N, F).",
     (SUM, "dy.sum(axis=(1, 2))"))

conv("bias gradient for each column", "not summed", "db is summed over images and rows only: (OW, F).",
     (SUM, "dy.sum(axis=(0, 1))"))

conv("bias gradient over filters", "shape", "db is summed over the axes as if channels came first: (OW,).",
     (SUM, "dy.sum(axis=(0, 1, 3))"))

conv("bias gradient of last image", "overlap", "db = in a loop over the batch, instead of db +=.",
     (f"self.b.grad = {SUM}", "for d in dy:\n                self.b.grad = d.sum(axis=(0, 1))"))

conv("bias gradient of one position", "overlap", "db looks at the last position of every map only.",
     (SUM, "dy[:, -1, -1].sum(axis=0)"))

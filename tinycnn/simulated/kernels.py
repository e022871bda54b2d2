"""xp.ElementwiseKernel on a machine without a C compiler: what each kernel of tinycnn/kernels.py computes, in NumPy.

The call keeps CuPy's rules: as many arguments as were declared, device arrays where arrays belong, one dtype for each
letter of a declaration, outputs of one shape, and memory that no other argument shares, since all threads read and
write at once. The C text itself is not looked at here; tests/test_kernels.py compiles it and compares both.
"""

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.patches import col2im, im2col
from tinycnn.simulated import api, rules
from tinycnn.simulated.array import SCALARS, ndarray
from tinycnn.simulated.launches import launched


class ElementwiseKernel:
    """A kernel by name; called with all inputs and all outputs, it fills the outputs."""

    def __init__(self, in_params, out_params, operation, name="kernel", reduce_dims=True):
        if name not in PLAIN:
            raise api.MissingOnDevice(
                f"the simulated device cannot compile C, and does not know what the kernel {name!r} computes. "
                "Say it in NumPy in tinycnn/simulated/kernels.py."
            )
        if reduce_dims and "_ind.get()" in operation:
            raise DeviceError(f"{name} reads the position of its element: pass reduce_dims=False, or CuPy flattens it")
        self.name = name
        self.inputs, self.outputs = (
            [tuple(parameter.split()) for parameter in text.split(",")] for text in (in_params, out_params)
        )

    def __call__(self, *arguments):
        parameters = [*self.inputs, *self.outputs]
        if len(arguments) != len(parameters):
            raise DeviceError(f"{self.name} takes {len(parameters)} inputs and outputs, got {len(arguments)}")
        dtypes = {}
        for argument, (*raw, kind, name) in zip(arguments, parameters, strict=True):
            self._expect(argument, raw, kind, name, dtypes)
        outputs = arguments[len(self.inputs) :]
        if len({output.shape for output in outputs}) > 1:
            raise DeviceError(f"{self.name}: the outputs have different shapes, {[out.shape for out in outputs]}")
        arrays = [argument for argument in arguments if type(argument) is ndarray]
        for output in outputs:
            rules.refuse_overlap(output.numbers)
            if any(np.may_share_memory(a.numbers, output.numbers) for a in arrays if a is not output):
                raise DeviceError(f"{self.name} would write into memory that other threads are still reading")
        plain = [argument.numbers if type(argument) is ndarray else argument for argument in arguments]
        with np.errstate(all="ignore"):
            results = PLAIN[self.name](*plain)
        launched(self.name)
        for output, result in zip(outputs, results, strict=True):
            output.numbers[...] = result

    def _expect(self, argument, raw, kind, name, dtypes):
        """One argument must be what was declared: an array, or one number of a type."""
        is_output = (*raw, kind, name) in self.outputs
        if type(argument) is not ndarray:
            if raw or is_output or isinstance(argument, np.ndarray):
                raise rules.mixing(argument, f"{self.name}: {name}")
            if not isinstance(argument, SCALARS):
                raise DeviceError(f"{self.name}: {name} must be a number, got {type(argument)}")
            return
        if not (raw or is_output):
            raise DeviceError(f"{self.name}: {name} must be a number, not a device array")
        known = dtypes.setdefault(kind, argument.dtype) if len(kind) == 1 else np.dtype(kind)
        if known != argument.dtype:
            raise DeviceError(f"{self.name}: {name} is {argument.dtype} where {kind} is {known}")


# Each function takes what the kernel takes, as NumPy arrays, and returns the outputs instead of writing them.


def _im2col(x, sh, sw, ph, pw, dh, dw, fill, cols):
    where = cols.shape[3:5], (sh, sw), (ph, pw), cols.shape[1:3], fill, (dh, dw)
    return [im2col(x, *where).reshape(cols.shape)]


def _col2im(cols, sh, sw, ph, pw, dh, dw, x):
    n, oh, ow, kh, kw, c = cols.shape
    return [col2im(cols.reshape(n, oh, ow, kh * kw * c), x.shape, (kh, kw), (sh, sw), (ph, pw), (dh, dw))]


def _max_pool(x, kh, kw, sh, sw, ph, pw, border, y, winner):
    below, right = _beyond(x, y, (kh, kw), (sh, sw), (ph, pw))
    padded = np.pad(x, ((0, 0), (ph, ph + below), (pw, pw + right), (0, 0)), constant_values=border)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(1, 2))
    windows = windows[:, : y.shape[1] * sh : sh, : y.shape[2] * sw : sw]  # (N, OH, OW, C, KH, KW)
    windows = windows.reshape(*y.shape, kh * kw)
    return [windows.max(axis=-1), windows.argmax(axis=-1)]


def _max_pool_backward(dy, winner, kh, kw, sh, sw, ph, pw, dx):
    n, oh, ow, c = dy.shape
    below, right = _beyond(dx, dy, (kh, kw), (sh, sw), (ph, pw))
    # The gradient as patches, zero but at the winner, added back onto the image.
    won = winner[:, :, :, None] == np.arange(kh * kw)[:, None]  # (N, OH, OW, KH*KW, C)
    cols = np.where(won, dy[:, :, :, None], 0).reshape(n, oh, ow, kh, kw, c)
    larger = np.empty((n, dx.shape[1] + below, dx.shape[2] + right, c))
    return [_col2im(cols, sh, sw, ph, pw, 1, 1, larger)[0][:, : dx.shape[1], : dx.shape[2]]]


def _beyond(x, y, kernel, stride, padding):
    """How many rows and columns the windows reach beyond the padded image; ceil_mode lets them."""
    axes = zip(x.shape[1:3], y.shape[1:3], kernel, stride, padding, strict=True)
    return [max(0, (o - 1) * s + k - size - 2 * p) for size, o, k, s, p in axes]


PLAIN = {"im2col": _im2col, "col2im": _col2im, "max_pool": _max_pool, "max_pool_backward": _max_pool_backward}

"""What to say when memory runs out: on a GPU it is the most frequent end of a first training."""

import re

import numpy as np

from tinycnn.backend import gpu_memory
from tinycnn.text import byte_size, first_line


def explain_out_of_memory(error: BaseException, batch_size: int | None = None, fixed_bytes: int = 0) -> str:
    """A sentence for a MemoryError of CuPy or NumPy: what was asked, what is held, which batch size would fit.

    batch_size: the number of images in the batch that did not fit, when there was one.
    fixed_bytes: what does not shrink with the batch (parameters, gradients, the optimizer's state).
    The batch size is an estimate: memory beyond `fixed_bytes` is taken to grow in proportion to the batch.
    """
    asked, held, limit = _memory_figures(error)
    where = "".join(f" ({note})" for note in getattr(error, "__notes__", []))  # of the engine, on a device
    if asked is None:
        sentence = f"out of memory ({first_line(error)})."
    else:
        sentence = f"out of memory: {byte_size(asked)} were asked for"
        if held is not None:
            sentence += f" while CuPy's memory pool already held {byte_size(held)}"
        sentence += f" of {byte_size(limit)}{where}." if limit else f"{where}."
    if batch_size is None:
        return sentence + " Use a smaller batch or smaller images."
    fits = batch_size // 2
    if asked is not None and limit:
        growing = (held + asked - fixed_bytes) / batch_size  # bytes per image, at least: the step was not over yet
        fits = min(fits, int((limit - fixed_bytes) / max(growing, 1)))
    if fits < 1:
        return sentence + " Not even one image at a time would fit: use smaller images or a smaller network."
    return sentence + f" A batch of {batch_size} does not fit; try --batch-size {fits}."


def _memory_figures(error):
    """(bytes asked, bytes held by the pool or None, limit or None) of a MemoryError; asked is None if unknown."""
    pattern = r"allocating ([\d,]+) bytes \(allocated so far: ([\d,]+) bytes(?:, limit set to: ([\d,]+))?"
    found = re.search(pattern, str(error))
    if found is None:
        shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)  # NumPy's own MemoryError has both
        if shape is None or dtype is None:
            return None, None, None
        return int(np.prod(shape, dtype=object)) * dtype.itemsize, None, None
    asked, held, limit = (int(figure.replace(",", "")) if figure else None for figure in found.groups())
    if not limit:
        limit = gpu_memory()  # the whole card
    return asked, held, limit

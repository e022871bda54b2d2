"""What is said when memory runs out: what was asked, what is held, and a batch size that would fit."""

import numpy as np
import pytest

from tinycnn.memory import explain_out_of_memory


def test_out_of_memory_names_a_batch_size_that_would_fit():
    class OutOfMemoryError(MemoryError):
        pass

    error = OutOfMemoryError("Out of memory allocating 2,000,000,000 bytes (allocated so far: 3,000,000,000 bytes, "
                             "limit set to: 4,000,000,000 bytes).")  # fmt: skip
    sentence = explain_out_of_memory(error, batch_size=64)
    assert "2 GB were asked for" in sentence and "held 3 GB of 4 GB" in sentence
    assert "--batch-size 32" in sentence  # half, or what the figures allow, whichever is less
    fixed = explain_out_of_memory(error, batch_size=64, fixed_bytes=3_500_000_000)
    assert "--batch-size 21" in fixed  # 0.5 GB are left, and 64 images wanted 1.5 GB
    assert "Not even one image" in explain_out_of_memory(error, batch_size=1)
    assert "smaller batch" in explain_out_of_memory(MemoryError())


def test_out_of_memory_on_the_host():
    with pytest.raises(MemoryError) as caught:
        np.empty((1 << 40, 1 << 10), "uint8")
    assert "out of memory" in explain_out_of_memory(caught.value, batch_size=8)
    assert "--batch-size 4" in explain_out_of_memory(caught.value, batch_size=8)

"""The C of tinycnn/kernels.py without a GPU: compiled with g++ where there is one, and called once for each element.

A GPU has thousands of threads at once. Here there is one, which does the work of all of them, in any order that it is
told: if the kernel is right, the order makes no difference.
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tinycnn.kernels import COL2IM

# What the body of a kernel finds around it on a GPU: arrays that know their shape, and the position of its element.
AROUND = """
#include <cstddef>
typedef double T;
struct Array {
  const T* data; const ptrdiff_t *sizes, *steps; int axes;
  const ptrdiff_t* shape() const { return sizes; }
  T operator[](const ptrdiff_t* at) const {
    ptrdiff_t offset = 0;
    for (int i = 0; i < axes; ++i) offset += at[i] * steps[i];
    return data[offset];
  }
};
struct Position { const ptrdiff_t* at; const ptrdiff_t* get() const { return at; } };
extern "C" void one_thread(const T* data, const ptrdiff_t* sizes, const ptrdiff_t* steps, const int* given,
                           const ptrdiff_t* position, T* element) {
  const Array cols{data, sizes, steps, 6};
  const int sh = given[0], sw = given[1], ph = given[2], pw = given[3], dh = 1, dw = 1;
  const Position _ind{position};
  T& x = *element;
  %s
}
"""


def col2im_in_c(cols, shape, stride, padding, order):
    """x of the library's own kernel, a call for each pixel. None where there is no g++, or it does not compile.

    cols: (N, OH, OW, KH, KW, C), float64    shape: (N, H, W, C) of x    order: numbers of the pixels, each once
    """
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "kernel.cpp"), Path(folder, "kernel.so")
        source.write_text(AROUND % COL2IM.body)
        command = [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            return None
        thread = ctypes.CDLL(str(library)).one_thread
        cols, x = np.ascontiguousarray(cols, float), np.full(shape, np.nan)
        steps = np.array(cols.strides, np.intp) // cols.itemsize
        given = np.array([stride, stride, padding, padding], np.int32)
        sizes, places = np.array(cols.shape, np.intp), np.array(list(np.ndindex(*shape)), np.intp)
        for number in order:
            element = x.ctypes.data + int(number) * x.itemsize
            thread(*(ctypes.c_void_p(array.ctypes.data) for array in (cols, sizes, steps, given, places[number])),
                   ctypes.c_void_p(element))  # fmt: skip
    return x

"""The kernels of tinycnn/kernels.py, compiled with g++ and run on the CPU, one element after the other.

The function around a kernel's body is the one that CuPy would write; it is compiled together with device.hpp, which
checks every access, or with CuPy's own header where CuPy is installed. Then the text, too, comes from CuPy. A thread of
the GPU becomes one call, and the calls may come in any order, as on a GPU.
"""

import ctypes
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tinycnn import kernels

C_TYPES = {"float32": "float", "float64": "double", "uint8": "unsigned char", "int32": "int"}
DIMENSIONS = {
    "im2col": {"x": 4, "cols": 6},
    "col2im": {"cols": 6, "x": 4},
    "max_pool": {"x": 4, "y": 4, "winner": 4},
    "max_pool_backward": {"dy": 4, "winner": 4, "dx": 4},
}
KERNELS = [kernels.IM2COL, kernels.COL2IM, kernels.MAX_POOL, kernels.MAX_POOL_BACKWARD]
TYPES = [{"T": "float32", "W": "uint8"}, {"T": "float64", "W": "int32"}]

HEAD = """
#include <cassert>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <math.h>
#include <memory>
#include <vector>
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __popc __builtin_popcount
#define __popcll __builtin_popcountll
static struct { unsigned x; } blockIdx, threadIdx, blockDim = {128}, gridDim = {0x7fffffff};
"""

# Reads cases, one a line: which function, the shape of each array, the scalars. Each array gets memory of its own and
# exactly of its size, so that the address sanitizer sees the first byte beyond.
MAIN = """
int main() {
  for (size_t which; scanf("%zu", &which) == 1;) {
    const Function& f = functions[which];
    std::vector<std::vector<ptrdiff_t>> shapes, strides;
    std::vector<std::unique_ptr<char[]>> memory;
    std::vector<char*> data;
    std::vector<const ptrdiff_t*> shape, stride;
    ptrdiff_t elements = 0;
    for (int a = 0; a < f.arrays; ++a) {
      shapes.emplace_back(f.dimensions[a]), strides.emplace_back(f.dimensions[a]);
      for (ptrdiff_t& size : shapes[a]) if (scanf("%td", &size) != 1) return 3;
      ptrdiff_t bytes = f.sizes[a];
      elements = 1;
      for (int d = f.dimensions[a]; d-- > 0; bytes *= shapes[a][d], elements *= shapes[a][d]) strides[a][d] = bytes;
      memory.emplace_back(new char[bytes]);
      memset(memory[a].get(), 1, bytes);
      data.push_back(memory[a].get());
      shape.push_back(shapes[a].data()), stride.push_back(strides[a].data());
    }
    std::vector<double> scalars(f.scalars);
    for (double& scalar : scalars) if (scanf("%lf", &scalar) != 1) return 3;
    std::vector<ptrdiff_t> order(elements);  // outputs come last and have one shape
    for (ptrdiff_t i = 0; i < elements; ++i) order[i] = i;
    f.run(data.data(), shape.data(), stride.data(), scalars.data(), order.data(), elements);
  }
}
"""


class Parameter(NamedTuple):
    """One parameter of a kernel, as it is declared."""

    name: str
    kind: str  # a dtype, or a letter that stands for one
    raw: bool
    output: bool
    dimensions: int | None  # None for a scalar

    def dtype(self, types):
        return np.dtype(types.get(self.kind, self.kind))

    def c_type(self, types):
        return C_TYPES[self.dtype(types).name]


def parameters(kernel):
    """All parameters, inputs first."""
    found = []
    for text, output in ((kernel.inputs, False), (kernel.outputs, True)):
        for declaration in text.split(","):
            *raw, kind, name = declaration.split()
            found.append(Parameter(name, kind, bool(raw), output, DIMENSIONS[kernel.name].get(name)))
    return found


def letters(kernel):
    return sorted({parameter.kind for parameter in parameters(kernel) if len(parameter.kind) == 1})


def variants(all_bits=(32, 64)):
    """(name, kernel, types, bits of an offset) of every function that a library holds."""
    return [(f"{kernel.name}_{types['T']}_{bits}", kernel, types, bits)
            for kernel in KERNELS for types in TYPES for bits in all_bits]  # fmt: skip


def written_here(name, kernel, types, bits):
    """The function around the body, as CuPy writes it (cupy/_core/_kernel.pyx)."""
    declared, elements = [], []
    for p in parameters(kernel):
        c_type, const = p.c_type(types), "" if p.output else "const "
        if p.dimensions is None:
            declared.append(f"const {c_type} {p.name}")
            continue
        prefix = "" if p.raw else "_raw_"
        declared.append(f"{const}CArray<{c_type}, {p.dimensions}, 0, {bits == 32:d}> {prefix}{p.name}")
        if not p.raw:
            elements.append(f"{c_type}& {p.name} = _raw_{p.name}[_ind.get()];")
    declared.append(f"CIndexer<{p.dimensions}, {bits == 32:d}> _ind")
    typedefs = "".join(f"typedef {C_TYPES[types[letter]]} {letter};\n" for letter in letters(kernel))
    return (f'{typedefs}extern "C" __global__ void {name}({", ".join(declared)}) {{\n'
            f"CUPY_FOR(i, _ind.size()) {{ _ind.set(i); {' '.join(elements)} {kernel.body} }} }}\n")  # fmt: skip


def written_by_cupy(name, kernel, types, bits):
    """The function that CuPy would hand to its compiler. Nothing of this needs a GPU."""
    import cupy
    from cupy._core import _carray, _kernel, _scalar

    an_array, an_indexer, a_scalar = 1, 2, 3  # CuPy's numbers for the kinds of arguments
    compiled = cupy.ElementwiseKernel(kernel.inputs, kernel.outputs, kernel.body, name, reduce_dims=False)
    arguments = []
    for p in parameters(kernel):
        if p.dimensions is None:
            arguments.append(_kernel._ArgInfo(a_scalar, _scalar.CScalar, p.dtype(types), 0, True, True))
        else:
            arguments.append(_kernel._ArgInfo(an_array, cupy.ndarray, p.dtype(types), p.dimensions, False, bits == 32))
    arguments.append(_kernel._ArgInfo(an_indexer, _carray.Indexer, None, p.dimensions, True, bits == 32))
    types = _kernel._TypeMap(tuple((letter, np.dtype(types[letter]).type) for letter in letters(kernel)))
    return _kernel._get_elementwise_kernel_code(
        tuple(arguments), types, compiled.params, compiled.operation, name, compiled.preamble
    )


def driver(name, kernel, types, bits):
    """run_NAME: build the arrays of one call and compute the elements that are asked for, one thread each."""
    lines, arguments, scalars = [], [], 0
    for p in parameters(kernel):
        if p.dimensions is None:
            arguments.append(f"({p.c_type(types)})scalars[{scalars}]")
            scalars += 1
            continue
        a = len(lines)
        lines.append(f"CArray<{p.c_type(types)}, {p.dimensions}, 0, {bits == 32:d}> a{a}"
                     f"(({p.c_type(types)}*)data[{a}], shapes[{a}], strides[{a}]);")  # fmt: skip
        arguments.append(f"a{a}")
    lines.append(f"CIndexer<{p.dimensions}, {bits == 32:d}> indexer(shapes[{a}]);")
    return (f'extern "C" void run_{name}(char** data, const ptrdiff_t* const* shapes,\n'
            "const ptrdiff_t* const* strides, const double* scalars, const ptrdiff_t* elements, ptrdiff_t count) {\n" +
            "\n".join(lines) +
            "\nfor (ptrdiff_t k = 0; k < count; ++k) {\n"
            "blockIdx.x = elements[k] / blockDim.x, threadIdx.x = elements[k] % blockDim.x;\n"
            f"{name}({', '.join(arguments)}, indexer);\n}}\n(void)scalars;\n}}\n")  # fmt: skip


def table(functions):
    """What main() has to know about each function."""
    rows = []
    for name, kernel, types, _ in functions:
        arrays = [p for p in parameters(kernel) if p.dimensions is not None]
        dimensions = ", ".join(str(p.dimensions) for p in arrays)
        sizes = ", ".join(str(p.dtype(types).itemsize) for p in arrays)
        scalars = len(parameters(kernel)) - len(arrays)
        rows.append(f"{{run_{name}, {len(arrays)}, {scalars}, {{{dimensions}}}, {{{sizes}}}}},")
    return ("struct Function { void (*run)(char**, const ptrdiff_t* const*, const ptrdiff_t* const*, const double*,\n"
            "const ptrdiff_t*, ptrdiff_t); int arrays, scalars, dimensions[3], sizes[3]; };\n"
            "static const Function functions[] = {\n" + "\n".join(rows) + "\n};\n")  # fmt: skip


def build(folder, functions, header="own", sanitize=False):
    """Compile functions into a library, or with `sanitize` into a program; returns its path.

    header: "own", or "cupy" for the header and the functions that CuPy would compile
    """
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed: the kernels for the GPU cannot be compiled here")
    own = header == "own"
    include, taken = (OWN_HEADER, "outside") if own else (cupy_header(), "0")
    parts = [HEAD, f'#include "{include}"\nextern "C" long outside_so_far() {{ return {taken}; }}\n']
    for function in functions:
        text = written_here(*function) if own else written_by_cupy(*function)
        name = function[0]
        parts.append(f"namespace in_{name} {{\n{text}\n{driver(*function)}}}\nusing in_{name}::run_{name};\n")
    if sanitize:
        parts += [table(functions), MAIN]
    source, output = folder / f"{header}.cpp", folder / (f"{header}.exe" if sanitize else f"{header}.so")
    source.write_text("".join(parts))
    # The sanitizer's program leaves the check of each position away, or nothing would be left for it to find.
    flags = SANITIZE if sanitize else ["-O1", "-shared", "-fPIC"]
    flags = [*flags, *STRICT] if own else [*flags, f"-I{cupy_header().parent.parent}"]
    result = subprocess.run([compiler, "-std=c++17", *flags, "-o", output, source], capture_output=True, text=True)
    if sanitize and re.search("(cannot find|not found).*[au]san", result.stderr):
        pytest.skip("g++ has no address sanitizer here")
    assert result.returncode == 0, result.stderr
    return output


OWN_HEADER = Path(__file__).parent / "device.hpp"
STRICT = ["-Wall", "-Wextra", "-Werror"]
SANITIZE = ["-g", "-DUNCHECKED", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def cupy_header():
    """carray.cuh of the installed CuPy."""
    import cupy

    return Path(cupy.__file__).parent / "_core" / "include" / "cupy" / "carray.cuh"


class Library:
    """Compiled kernels: library.call(kernel, *inputs, *outputs) fills the outputs, which are NumPy arrays."""

    def __init__(self, path):
        self._library = ctypes.CDLL(str(path))
        self._outside = self._library.outside_so_far
        self._outside.restype = ctypes.c_long

    def call(self, kernel, *arguments, bits=32, elements=None, name=None):
        """elements: which elements of the outputs to compute, in this order; by default all, shuffled."""
        assert len(arguments) == len(parameters(kernel))
        run = getattr(self._library, "run_" + (name or f"{kernel.name}_{arguments[0].dtype}_{bits}"))
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        scalars = np.array([a for a in arguments if not isinstance(a, np.ndarray)], float)
        if elements is None:
            elements = np.random.default_rng(0).permutation(math.prod(arrays[-1].shape))
        elements = np.array(elements, np.int64)
        shapes, strides = ([np.array(getattr(array, what)) for array in arrays] for what in ("shape", "strides"))
        before = self._outside()
        run(*(_pointers(each) for each in (arrays, shapes, strides)), ctypes.c_void_p(scalars.ctypes.data),
            ctypes.c_void_p(elements.ctypes.data), ctypes.c_ssize_t(len(elements)))  # fmt: skip
        assert self._outside() == before, f"{kernel.name} reads or writes outside of its arrays"


def _pointers(arrays):
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])

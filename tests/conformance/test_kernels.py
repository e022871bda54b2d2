"""The kernels against the real CuPy, and against NVIDIA's compiler where that is installed too. Neither needs a GPU.

What CuPy writes around a kernel is compiled and run for the CPU by tests/test_kernels.py.
"""

import re

import numpy as np
import pytest

from tests.compiled import KERNELS, TYPES, cupy_header, parameters, variants, written_by_cupy
from tinycnn import kernels

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'cupy-cuda12x>=14,<15', no GPU needed")

ATOMIC = r"\b(atom|red)\."  # with these, a sum would depend on the order in which the threads come


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_cupy_reads_the_declarations_as_we_do(kernel):
    compiled, declared = kernels._compiled(kernel, cupy), parameters(kernel)
    theirs = [(p.name, p.raw, not p.is_const) for p in compiled.in_params + compiled.out_params]
    assert theirs == [(p.name, p.raw, p.output) for p in declared]
    assert not compiled.reduce_dims  # else a position has fewer numbers than the body reads
    assert kernels._compiled(kernel, cupy) is compiled  # what CuPy compiled is kept there

    given = [None if p.dimensions is None else p.dtype(TYPES[0]) for p in declared]
    inputs, outputs, _ = compiled._decide_params_type(tuple(given[: compiled.nin]), tuple(given[compiled.nin :]))
    assert [*inputs, *outputs] == [p.dtype(TYPES[0]) for p in declared]
    given[0] = np.dtype("float64")
    with pytest.raises(TypeError, match="Type is mismatched"):
        compiled._decide_params_type(tuple(given[: compiled.nin]), tuple(given[compiled.nin :]))


@pytest.fixture(scope="module")
def nvrtc():
    """Compile CUDA C to PTX for a GPU that need not be there: text -> PTX."""
    from cupy.cuda import compiler

    try:
        cupy.cuda.nvrtc.getVersion()
    except (RuntimeError, ImportError) as error:  # tinycnn.backend.gpu_problem expects these, too
        pytest.skip(f"NVIDIA's compiler is not installed (pip install nvidia-cuda-nvrtc-cu12): {type(error).__name__}")

    def compile(text):
        program = compiler._NVRTCProgram(f"#include <cupy/carray.cuh>\n{text}", "kernel.cu")
        options = (f"-I{cupy_header().parent.parent}", "--std=c++17", "--gpu-architecture=compute_80")
        return program.compile(options)[0].decode()

    return compile


def test_nvidias_compiler_takes_the_kernels(nvrtc):
    for function in variants():
        ptx = nvrtc(written_by_cupy(*function))
        assert f".entry {function[0]}(" in ptx
        assert not re.search(ATOMIC, ptx), function[0]
        assert not re.search(r"\.local\b", ptx), function[0]  # every variable of a thread is in a register
        if function[-1] == 32:
            assert not re.search(r"\b(div|rem)\.[su]64", ptx), function[0]  # slow, and 32 bits are enough


def test_nvidias_compiler_would_refuse_a_mistake(nvrtc):
    from cupy.cuda.compiler import CompileException

    text = written_by_cupy(*variants()[0])
    with pytest.raises(CompileException, match="undefined"):
        nvrtc(text.replace("pixel[]", "pixels[]"))
    assert re.search(ATOMIC, nvrtc(text.replace("cols = inside", "atomicAdd(&cols, T(1)); cols = inside")))

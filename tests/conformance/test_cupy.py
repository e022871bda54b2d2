"""Against the real CuPy. No GPU is needed: its signatures can be inspected on any machine where it is installed."""

import inspect
import itertools
import json

import numpy as np
import pytest

from tests.conformance import make_snapshot
from tests.conformance.planted import LEGAL, PLANTED, x_on
from tests.conformance.runs import RUNS
from tinycnn.simulated import Call, record, xp

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'cupy-cuda12x>=14,<15', no GPU needed")


def objection(call):
    """Why the real CuPy would not take this call, or None when it would."""
    owner, _, name = call.path.rpartition(".")
    try:
        if isinstance(getattr(cupy, owner, None), cupy.ufunc):
            if name not in make_snapshot.ufunc_methods(getattr(cupy, owner)):
                return f"cupy.{owner} has no {name}"
            found, itself = make_snapshot.signature(getattr(cupy.ufunc, name)), 1
        else:
            thing = make_snapshot.find(cupy, call.path)
            if isinstance(thing, cupy.ufunc):
                return ufunc_objection(thing, call)
            found, itself = make_snapshot.signature(thing), int(owner in ("ndarray", "random.Generator"))
    except AttributeError as error:
        return str(error)
    if found is None:
        return f"cupy.{call.path} is not callable, or says nothing about its parameters"
    try:
        found.bind(*range(call.positionals + itself), **dict.fromkeys(call.keywords))
    except TypeError as error:
        return str(error)
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found.parameters.values()) and call.keywords:
        return f"cupy.{call.path} has **kwargs of which nothing is known"
    return None


def ufunc_objection(ufunc, call):
    """A ufunc's own call takes anything by its signature; this is what its code accepts (cupy/_core/_kernel.pyx)."""
    if not ufunc.nin <= call.positionals <= ufunc.nargs:
        return f"{call.positionals} operands"
    wrong = set(call.keywords) - {"out", "dtype", "casting"}
    return f"keywords {wrong}" if wrong else None


def test_the_snapshot_is_what_the_installed_cupy_offers():
    written = json.loads(make_snapshot.SNAPSHOT.read_text(encoding="utf-8"))
    installed = make_snapshot.make()
    for part in written.keys() - {"cupy"}:
        assert written[part] == installed[part], (
            f"{part} differs between CuPy {written['cupy']}, of which the snapshot was taken, and {installed['cupy']}. "
            "Run python -m tests.conformance.make_snapshot and look at what changed."
        )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_every_call_of_a_run_binds(run):
    assert {call: objection(call) for call in run() if objection(call)} == {}


def test_every_legal_call_binds():
    with record() as calls:
        for legal in LEGAL:
            legal.run(xp, x_on(xp))
    assert {call: objection(call) for call in calls if objection(call)} == {}


@pytest.mark.parametrize("planted", [p for p in PLANTED if p.form], ids=lambda planted: planted.title)
def test_the_real_cupy_refuses_the_planted_call_too(planted):
    assert objection(planted.form)


def test_the_check_can_fail():
    assert objection(Call("sum", 1, ("axis",))) is None
    assert objection(Call("sum", 1, ("axes",)))
    assert objection(Call("add", 2, ("out",))) is None
    assert objection(Call("add", 2, ("where",)))
    assert objection(Call("ndarray.sum", 0, ("axis",))) is None
    assert objection(Call("ndarray.sum", 6, ()))
    assert objection(Call("no_such_name", 0, ()))


REAL = "?bBhHiIlLefd"  # complex numbers are another matter, and not ours


def test_elementwise_results_have_numpys_dtype():
    """For real dtypes CuPy's ufuncs return what NumPy's return, so the simulated device's dtypes can be trusted.

    CuPy takes the first loop to which all inputs can be cast safely.
    """
    wrong = {}
    for name in dir(cupy):
        ours, theirs = getattr(np, name, None), getattr(cupy, name)
        if not (isinstance(theirs, cupy.ufunc) and isinstance(ours, np.ufunc)):
            continue
        for inputs in itertools.product(REAL, repeat=theirs.nin):
            known = (loop for loop in theirs.types if set(loop) <= {*np.typecodes["All"], *"->"})  # not bfloat16
            loops = (loop.split("->") for loop in known)
            given = next((out for takes, out in loops if all(map(np.can_cast, inputs, takes))), None)
            try:
                dtypes = [np.dtype(char) for char in inputs] + [None] * ours.nout
                expected = "".join(dtype.char for dtype in ours.resolve_dtypes(tuple(dtypes))[ours.nin :])
            except TypeError:
                continue  # NumPy refuses it, so it never reaches the device
            if given is None or list(map(np.dtype, given)) != list(map(np.dtype, expected)):
                wrong[name, inputs] = (given, expected)
    assert wrong == {}

"""What is checked, behind one interface: named float64 arrays go in, arrays come out, gradients come back.

An ObjectUnderTest holds a private copy of the layer, loss, model, object or functions, converted to float64; the
original is never run and never touched, so it comes back exactly as it was even when its forward raises. Runs are
further copies: one that only computes forward again and again, and fresh ones for every sequence of calls whose
gradients matter, so that no gradient is left over from an earlier call.
"""

import contextlib
import copy
import inspect
import time

import numpy as np

from tinycnn.gradient_check.adapters import FunctionPair, LossFunction, as_object, describe, required
from tinycnn.gradient_check.generators import undisturbed
from tinycnn.gradient_check.parts import is_float_array
from tinycnn.gradient_check.private_copy import Outside, private_copy
from tinycnn.gradient_check.run import Run, cast, random_signed
from tinycnn.gradient_check.search import search
from tinycnn.gradient_check.trees import is_numbers, leaves, same_bits, to_host
from tinycnn.gradient_check.variables import declared, is_gradient_name, lists_all


class ObjectUnderTest:
    """The object that is checked, and the point at which it is checked.

    values: {name: float64 array on the host} of every input and parameter that has a gradient
    roles: {name: "input" or "parameter"}    constants: names of what is left out and may be
    unseen: {name: why} of what was not looked at: numbers on which y depends and whose gradient was not found
    is_loss: its backward takes no dy, since dloss/dloss = 1    variables: {name: Variable} of its parameters
    seconds: what one forward takes    notes: sentences for the report
    """

    def __init__(self, obj, inputs, rng, title=None, constants=(), look=True):
        self.title = title or describe(obj)
        obj = as_object(obj, inputs)
        self.outside = Outside(obj)
        self.template = _copied(obj, self.title)
        self.simple = lists_all(self.template) and not isinstance(obj, FunctionPair | LossFunction)
        cast(self.template, np.float64)
        self.input_names = _input_names(obj, len(inputs))
        self.inputs = tuple(inputs)
        self.call = _how_to_call(obj.backward, self.input_names)
        self.variables, self.unseen, self.constants, self.source = declared(self.template), {}, [], {}
        self.moved, self.limit, self.notes = [], None, []
        for variable in self.variables.values():
            variable.clear(self.template)
        try:
            self._try_out(rng, constants, look)
        except BaseException:
            self.outside.restore()
            raise
        for name, variable in self.variables.items():
            _leave_zero(variable, self.template, rng)
            self.values[name] = to_host(variable.read(self.template)).astype(np.float64)

    @property
    def parameters(self):
        return list(self.variables)

    def _try_out(self, rng, constants, look):
        """Run forward and backward once: which inputs get a gradient, and which numbers are parameters?"""
        found = dict(self.leaves())
        self.roles = {name: "input" for name, leaf in found.items() if is_float_array(leaf) or _has_floats(leaf)}
        self.values = {name: to_host(found[name]).astype(np.float64) for name in self.roles}
        run, start = self.run(), time.perf_counter()
        y = run.forward()
        if any(part.dtype.kind == "c" for part in y):
            raise TypeError(f"forward of {self.title} returns complex numbers: gradcheck compares real ones. Return "
                            "the real and the imaginary part as two outputs")
        self.seconds = time.perf_counter() - start
        self.limit = max(5.0, 100 * self.seconds)
        self.output_shapes = [part.shape for part in y]
        takes_no_dy = self.call == "nothing" or isinstance(self.call, list) and None not in self.call
        self.is_loss = takes_no_dy and self.output_shapes == [()]
        dys = [random_signed(rng, shape) for shape in self.output_shapes]
        returned = run.backward_raw(dys)
        self._match_inputs(returned, run.named, found)
        if look and not self.simple:
            search(self, dys, constants)
        if self.is_loss and self.variables and not returned:  # a network with its loss: x is data
            for name in [name for name in self.roles if name not in self.source]:
                self._leave_out(name)
                self.constants.append(name)
        self.roles |= dict.fromkeys(self.variables, "parameter")

    def _match_inputs(self, returned, named, found):
        """Which inputs the gradients that backward returns belong to. found: {name: leaf} of all inputs

        source: {name: its place in `returned`, or its key in `named`}
        """
        self.source = {name: key for name in found for key in named if _is_of(key, name)}
        waiting = [name for name in found if name not in self.source]
        floats = [name for name in waiting if name in self.roles]
        if len(returned) == len(waiting):
            placed = waiting
        elif returned and waiting and waiting[0] not in self.roles and self._may_be_float(
                waiting[0], found[waiting[0]], returned[0]):
            placed = [waiting[0], *(name for name in floats if name != waiting[0])]  # x may hold integers
        else:
            placed = floats
        self.source |= {name: i for i, name in enumerate(placed[: len(returned)])}
        self.extra = returned[max(len(placed[: len(returned)]), 1) :]
        if self.extra and (self.simple or any(g is None for g in self.extra)):
            self.refuse(len(returned), floats)
        gradients = {name: named[at] if isinstance(at, str) else returned[at] for name, at in self.source.items()}
        explicit = len(gradients) > 1 and any(g is not None for g in gradients.values())
        for name, g in gradients.items():
            if name in self.roles and g is None and explicit:  # that it is no variable
                self._leave_out(name)
            elif name not in self.roles and not self._may_be_float(name, found[name], g):
                del self.source[name]
        self.roles = {name: "input" for name in found if name in self.roles or name in self.source}
        for k, name in enumerate(list(self.roles)):
            if name in self.source:
                continue
            if gradients and not returned:  # backward names what is learned, and the rest is data
                self._leave_out(name)
            elif k:
                self._leave_out(name)
                if not self.is_loss:  # a loss is differentiated with respect to the network's output, not to the truth
                    self.unseen[name] = ("y may depend on it, and backward returns no gradient of it. Return one for "
                                         "each input, or None for a constant")
        self.constants = [name for name in found if name not in self.roles and name not in self.unseen]

    def _leave_out(self, name):
        self.roles.pop(name, None)
        self.values.pop(name, None)
        self.source.pop(name, None)

    def refuse(self, count, floats=None):
        floats = list(self.roles) if floats is None else floats
        raise ValueError(
            f"backward of {self.title} returned {count} gradients for {len(floats)} inputs with a gradient "
            f"({', '.join(floats)}). It should return one for each, in the order of the inputs of forward."
        )

    def _may_be_float(self, name, leaf, g):
        """Is an integer array, a list or a number that got a gradient really a variable: does forward take others?"""
        if g is None or np.shape(g) != np.shape(leaf) or to_host(g).dtype.kind != "f" or isinstance(leaf, bool | str):
            return False
        self.values[name] = to_host(leaf).astype(np.float64)
        run = self.run()
        before = run.forward()
        try:
            steps = 1e-3 * np.linspace(0.5, 1.5, self.values[name].size).reshape(self.values[name].shape)
            after = run.forward({name: self.values[name] + steps})
        except Exception:
            after = None
        if after is None or same_bits(before, after):
            del self.values[name]
            return False
        return True

    def leaves(self):
        """(name, array or constant) of all inputs, those inside tuples included: outputs[0], outputs[1], labels."""
        for name, tree in zip(self.input_names, self.inputs, strict=True):
            yield from leaves(tree, name)

    def with_inputs(self, inputs):
        """The same object at other inputs of the same kind, as another batch is."""
        other = copy.copy(self)
        other.inputs = tuple(inputs)
        other.values = dict(self.values)
        for name, leaf in other.leaves():
            if name in self.roles:
                other.values[name] = to_host(leaf).astype(np.float64)
        with np.errstate(all="ignore"):
            other.output_shapes = [part.shape for part in other.run().forward()]
        return other

    def run(self, dtype=np.float64):
        """A fresh private copy that can be called; gradients of earlier calls are not in it."""
        return Run(self, dtype)

    def gradients(self, dys, changes=None, dtype=np.float64):
        """{name: gradient on the host, or None} of one forward and backward on a fresh copy."""
        run = self.run(dtype)
        run.set(changes or {})
        run.forward(changes)
        return run.backward(dys)


def _copied(obj, title):
    try:
        return private_copy(obj)
    except Exception as error:
        raise TypeError(
            f"gradcheck works on a copy, so that the original stays as it is, and {title} cannot be copied ({error}). "
            "Does it hold an open file or a lock, or answer every attribute (__getattr__) in its own way? Check a "
            "smaller object, or give it __deepcopy__."
        ) from error


def _has_floats(leaf):
    """A list of numbers of which some are no integers; single numbers are settings, unless they get a gradient."""
    return is_numbers(leaf) and np.asarray(leaf).dtype.kind == "f"


def _input_names(obj, count):
    """Names of forward's arguments; input 0, input 1 ... where it does not say."""
    function = {FunctionPair: lambda: obj.functions[0], LossFunction: lambda: obj.function}.get(
        type(obj), lambda: obj.forward)()
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"input {i}" for i in range(len(names), count)]


def _how_to_call(backward, inputs):
    """Does backward take "nothing" (a loss), "one" gradient, "several", or inputs again? Then a list, None for a dy."""
    names = required(backward)
    if names is None:
        return "several"
    if any(name in inputs for name in names):
        return [name if name in inputs else None for name in names]
    return "nothing" if not names else "one" if len(names) == 1 else "several"


def _leave_zero(variable, obj, rng):
    """Replace the zeros of a parameter by small random numbers: a bias of zero hides a wrong backward."""
    host = to_host(variable.read(obj))
    zero = host == 0
    if zero.any():
        fan_in = max(1, int(np.prod(host.shape[:-1]))) if host.ndim > 1 else 4
        variable.write(obj, np.where(zero, random_signed(rng, host.shape) * fan_in**-0.5, host))


def _is_of(key, name):
    """Does a key of a dictionary of gradients mean this input: x, dx, grad_x, or W for params['W']?"""
    last = name.rpartition("[")[2].strip("]'\"")
    return key in (name, last) or is_gradient_name(key, last)


@contextlib.contextmanager
def under_test(*arguments, **options):
    """An ObjectUnderTest for the length of a with block; what it keeps outside of itself is then put back."""
    with undisturbed():
        found = ObjectUnderTest(*arguments, **options)
        try:
            yield found
        finally:
            found.outside.restore()

"""What is checked, behind one interface: named float64 arrays go in, arrays come out, gradients come back.

An ObjectUnderTest holds a private copy of the layer, loss, model, object or functions, converted to float64; the
original is never run and never touched, so it comes back exactly as it was even when its forward raises. Runs are
further copies: one that only computes forward again and again, and fresh ones for every sequence of calls whose
gradients matter, so that no gradient is left over from an earlier call.
"""

import contextlib
import copy
import inspect

import numpy as np

from tinycnn.backend import device_of, to_device
from tinycnn.gradient_check.adapters import FunctionPair, LossFunction, as_object, describe, required
from tinycnn.gradient_check.parts import attributes, is_array, is_float_array, is_ours, walk
from tinycnn.gradient_check.private_copy import Outside, private_copy
from tinycnn.gradient_check.reachable import places
from tinycnn.gradient_check.search import search
from tinycnn.gradient_check.trees import is_numbers, leaves, like, rebuild, to_host
from tinycnn.gradient_check.variables import declared, lists_all, value_name


class ObjectUnderTest:
    """The object that is checked, and the point at which it is checked.

    values: {name: float64 array on the host} of every input and parameter that has a gradient
    roles: {name: "input" or "parameter"}    constants: names of what is left out and may be
    unseen: {name: names looked for} of numbers on which y depends and whose gradient was not found
    is_loss: its backward takes no dy, since dloss/dloss = 1    variables: {name: Variable} of its parameters
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
        self.variables, self.unseen, self.constants, self.order = declared(self.template), {}, [], []
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
        run = self.run()
        y = run.forward()
        self.output_shapes = [part.shape for part in y]
        takes_no_dy = self.call == "nothing" or isinstance(self.call, list) and None not in self.call
        self.is_loss = takes_no_dy and self.output_shapes == [()]
        dys = [random_signed(rng, shape) for shape in self.output_shapes]
        returned = run.backward_raw(dys)
        self._match_inputs(returned, run.named, found)
        if look and not self.simple:
            search(self, dys, constants)
        if self.is_loss and self.variables and not returned:  # a network with its loss: x is data
            for name in list(self.roles):
                self.roles.pop(name)
                self.values.pop(name)
                self.constants.append(name)
        self.roles |= dict.fromkeys(self.variables, "parameter")

    def _match_inputs(self, returned, named, found):
        """Which inputs the gradients that backward returns belong to. found: {name: leaf} of all inputs"""
        names, floats = list(found), list(self.roles)
        for name in names:  # an integer or a number that gets a gradient is an input like others
            i = names.index(name)
            fits = len(returned) == len(names) and i < len(returned) or len(returned) == 1 and names[0] == name
            if name not in self.roles and fits and self._may_be_float(name, found[name], returned[i]):
                self.roles = {n: "input" for n in names if n in self.roles or n == name}
                floats = list(self.roles)
        if named and not returned:
            self.order = [name for name in names if name in named]
            returned = [named[name] for name in self.order]
        elif len(returned) == len(names) and len(names) > len(floats):
            self.order = names
        else:
            self.order = floats[: len(returned)] if len(returned) else []
        self.extra = returned[max(len(self.order), 1) :]
        if self.extra and (self.simple or any(g is None for g in self.extra)):
            self.refuse(len(returned), floats)
        said = [name for name, g in zip(self.order, returned, strict=False) if g is None] if len(returned) > 1 else []
        for name in said if any(g is not None for g in returned) else []:  # an explicit None: it is no variable
            self.roles.pop(name, None)
            self.values.pop(name, None)
        floats = list(self.roles)
        for name in floats[1:]:
            if name not in self.order:
                del self.roles[name], self.values[name]
                if not self.is_loss:  # a loss is differentiated with respect to the network's output, not to the truth
                    self.unseen[name] = "its place in what backward returns"
        self.constants = [name for name in names if name not in self.roles and name not in self.unseen]

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
            after = run.forward({name: self.values[name] + 1e-3})
        except Exception:
            after = None
        if after is None or all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
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


class Run:
    """One private copy of the object. forward and backward may be called in any order, as a training loop would."""

    def __init__(self, under_test, dtype=np.float64):
        self.under_test, self.dtype, self.named = under_test, np.dtype(dtype), {}
        self.obj = copy.deepcopy(under_test.template) if under_test.simple else private_copy(under_test.template)
        if self.dtype != np.float64:
            cast(self.obj, dtype)
        self.holder = self.obj  # where the variables are, if obj is put into a chain
        self.variables = under_test.variables
        for name, variable in self.variables.items():  # what belongs to a class may hold what an earlier run left
            if variable.path.outside and name in under_test.values:
                variable.write(self.holder, under_test.values[name])
        # Every forward starts with the generators where they were at first: the same dropout mask each time.
        self.generators = [(g, g.bit_generator.state) for g in generators(self.obj)]

    def forward(self, changes=None, layout=None, given=None):
        """Outputs on the host as a flat list. changes: {name: array} to use in place of the object's values.

        Changed parameters are put back at once, so use set() where a backward follows. layout: a function through
        which each input array goes before the call. given: {name: array} of inputs to be handed over as they are
        """
        self.arrays = {}  # name -> the very array that forward was given
        changes = changes or {}
        for name, leaf in self.under_test.leaves():
            if is_float_array(leaf) or name in self.under_test.values:
                value = changes.get(name, self.under_test.values.get(name))
                value = to_host(leaf) if value is None else value
                if is_array(leaf):
                    leaf = to_device(np.array(value, self.dtype), device_of(leaf))
                    leaf = leaf if layout is None else layout(leaf)
                else:
                    leaf = like(value, leaf, self.dtype)
            elif is_array(leaf):
                leaf = leaf.copy()
            self.arrays[name] = (given or {}).get(name, leaf)
        before = {name: self.read(name).copy() for name in self.variables if name in changes}
        self.set(changes)
        self.rewind()
        arguments = [rebuild(tree, name, self.arrays) for name, tree in zip(
            self.under_test.input_names, self.under_test.inputs, strict=True)]
        try:
            self.output = self.obj.forward(*arguments)
        finally:
            self.set(before)
        self.raw_outputs = [leaf for _, leaf in leaves(self.output, "y")]
        # Copies: forward may write into the same buffer again.
        return [np.array(to_host(leaf)) for leaf in self.raw_outputs]

    def rewind(self):
        for generator, state in self.generators:
            generator.bit_generator.state = state

    def read(self, name):
        """The value of a parameter, on the host."""
        return to_host(self.variables[name].read(self.holder))

    def set(self, changes):
        """Change parameters for good, as an optimizer would; names of inputs are passed over."""
        for name, value in changes.items():
            if name in self.variables:
                self.variables[name].write(self.holder, value)

    def backward_raw(self, dys, layout=None, **options):
        """What backward returns, as a flat list of arrays and Nones. dys: host arrays, one for each output.

        Gradients that come in a dictionary, by name, are left in `named`.
        """
        self.dys = [like(dy, leaf) if layout is None else layout(like(dy, leaf))
                    for dy, leaf in zip(dys, self.raw_outputs, strict=True)]
        names = [name for name, _ in leaves(self.output, "y")]
        tree = rebuild(self.output, "y", dict(zip(names, self.dys, strict=True)))
        call = self.under_test.call
        if isinstance(call, list):  # the truth goes into backward again
            given = dict(zip(self.under_test.input_names, (rebuild(t, n, self.arrays) for n, t in zip(
                self.under_test.input_names, self.under_test.inputs, strict=True)), strict=True))
            gradients = iter(tree if isinstance(tree, tuple) and call.count(None) > 1 else (tree,))
            arguments = tuple(given[name] if name else next(gradients) for name in call)
        elif call == "nothing" and self.raw_outputs and all(np.shape(leaf) == () for leaf in self.raw_outputs):
            arguments = ()
        else:
            arguments = tuple(tree) if isinstance(tree, tuple | list) and call == "several" else (tree,)
        for name in ("zero_grad", "zero_grads", "clear_grads", "reset_grads"):
            if callable(getattr(self.obj, name, None)):  # gradients are added up on purpose, as PyTorch does
                getattr(self.obj, name)()
        if "input_gradient" in inspect.signature(self.obj.backward).parameters:
            options = {"input_gradient": True} | options
        returned = self.obj.backward(*arguments, **options)
        found, self.named = [], {}
        for part in returned if isinstance(returned, tuple) else (returned,):
            if isinstance(part, dict):
                self.named |= {str(key).replace("grad_", "").removeprefix("d") if str(key) not in
                               self.under_test.input_names else key: g for key, g in part.items()}
                self.named |= part
            else:
                found += [leaf for _, leaf in leaves(part, "dx")]
        return [] if len(found) == 1 and found[0] is None else found

    def backward(self, dys, layout=None, host=True, **options):
        """{name: gradient or None} of every input and parameter, on the host (host=False: as they are)."""
        returned = self.backward_raw(dys, layout, **options)
        if self.named and not returned:
            returned = [self.named.get(name) for name in self.under_test.order]
        grads = dict.fromkeys(self.under_test.roles)
        grads |= {name: g for name, g in zip(self.under_test.order, returned, strict=False) if name in grads}
        extra = {str(i): g for i, g in enumerate(returned[max(len(self.under_test.order), 1) :])}
        grads |= {name: v.grad(self.holder, self.named | extra) for name, v in self.variables.items() if name in grads}
        return {name: np.array(to_host(g)) if host and g is not None else g for name, g in grads.items()}

    def forget(self):
        """Drop what a forward kept that no backward will use."""
        if callable(getattr(self.obj, "forget", None)):
            self.obj.forget()


def random_signed(rng, shape):
    """Random numbers of both signs and of size 0.5 to 1.5: none is nearly zero, so none is left unchecked."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def cast(obj, dtype):
    """Convert every floating-point array that belongs to the object alone; a shared array stays shared."""
    if is_ours(obj) and callable(getattr(obj, "astype", None)):
        obj.astype(dtype)
    for path, value in places(obj).items():
        if is_float_array(value) and np.dtype(value.dtype) != dtype and not path.outside:
            path.set(obj, value.astype(np.dtype(dtype)))
    for _, part in walk(obj):
        for value in attributes(part).values():
            if value_name(value):
                value.grad = None


def generators(obj):
    """Every numpy.random.Generator of the object and its parts: what a dropout draws its mask from."""
    values = (v for _, part in walk(obj) for v in attributes(part).values())
    return list({id(v): v for v in values if isinstance(v, np.random.Generator)}.values())


def _copied(obj, title):
    try:
        return private_copy(obj)
    except Exception as error:
        raise TypeError(
            f"gradcheck works on a copy, so that the original stays as it is, and {title} cannot be copied ({error}). "
            "Does it hold an open file or a lock? Check a smaller object, or give it __deepcopy__."
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


@contextlib.contextmanager
def under_test(*arguments, **options):
    """An ObjectUnderTest for the length of a with block; what it keeps outside of itself is then put back."""
    found = ObjectUnderTest(*arguments, **options)
    try:
        yield found
    finally:
        found.outside.restore()

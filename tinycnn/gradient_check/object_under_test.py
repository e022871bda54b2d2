"""What is checked, behind one interface: named float64 arrays go in, arrays come out, gradients come back.

An ObjectUnderTest holds a private copy of the layer, loss, model, object or pair of functions, converted to float64;
the original is never run and never touched, so it comes back exactly as it was even when its forward raises. Runs are
further copies: one that only computes forward again and again, and fresh ones for every sequence of calls whose
gradients matter, so that no gradient is left over from an earlier call.
"""

import copy
import inspect

import numpy as np

from tinycnn.backend import device_of, to_device, to_numpy
from tinycnn.gradient_check.adapters import FunctionPair, describe
from tinycnn.gradient_check.parameter_finder import cast, find_parameters, generators, is_array, is_float_array, is_part


class ObjectUnderTest:
    """The object that is checked, and the point at which it is checked.

    values: {name: float64 array on the host} of every input and parameter that has a gradient
    roles: {name: "input" or "parameter"}    constants: names of inputs without a gradient (labels, targets, masks)
    is_loss: its backward takes no dy, since dloss/dloss = 1    parameters: names of those that it has
    """

    def __init__(self, obj, inputs, rng, title=None):
        self.title = title or describe(obj)
        obj = _as_object(obj)
        self.template = _private_copy(obj, self.title)
        cast(self.template, np.float64)
        self.input_names = _input_names(obj, len(inputs))
        self.inputs = tuple(inputs)
        self.call = _how_to_call(obj.backward)
        self.parameters = list(find_parameters(self.template))
        for parameter in find_parameters(self.template).values():
            parameter.clear()
        self._try_out(rng)
        for name, parameter in find_parameters(self.template).items():
            if name in self.parameters:
                _leave_zero(parameter.array, rng)
                self.values[name] = to_numpy(parameter.array).copy()

    def _try_out(self, rng):
        """Run forward and backward once: which inputs get a gradient, and which arrays are parameters after all?"""
        leaves = dict(self.leaves())
        self.roles = {name: "input" for name, leaf in leaves.items() if is_float_array(leaf)}
        self.constants = [name for name in leaves if name not in self.roles]
        self.values = {name: to_numpy(leaves[name]).astype(np.float64) for name in self.roles}
        run = self.run()
        before = {name: parameter.array for name, parameter in run.parameters.items()}
        copies = {name: to_numpy(array).copy() for name, array in before.items()}
        y = run.forward()
        self.output_shapes = [part.shape for part in y]
        self.is_loss = self.call == "nothing" and self.output_shapes == [()]
        kept = {name: run.parameters[name].array is array and np.array_equal(to_numpy(array), copies[name])
                for name, array in before.items()}
        returned = run.backward_raw([random_signed(rng, shape) for shape in self.output_shapes])
        self._match_inputs(returned)
        for name, parameter in find_parameters(self.template).items():
            if parameter.guessed and not (kept[name] and self._is_parameter(run, name)):
                self.parameters.remove(name)
        self.roles |= dict.fromkeys(self.parameters, "parameter")

    def _is_parameter(self, run, name):
        """Is an array attribute a parameter? Yes if it got a gradient, or if y depends on it."""
        if run.parameters[name].grad is not None:
            return True
        y = run.forward()
        changed = run.forward({name: to_numpy(run.parameters[name].array) * 1.5 + 0.5})
        run.forget()
        return any(not np.array_equal(a, b) for a, b in zip(y, changed, strict=True))

    def _match_inputs(self, returned):
        """Which inputs the gradients that backward returns belong to."""
        names, floats = [name for name, _ in self.leaves()], list(self.roles)
        if len(returned) == len(names) and len(names) > len(floats):
            self.order = names
        else:
            self.order = floats[: len(returned)] if len(returned) else []
        if len(returned) > max(len(self.order), 1):
            raise ValueError(
                f"backward of {self.title} returned {len(returned)} gradients for {len(floats)} inputs with a gradient "
                f"({', '.join(floats)}). It should return one for each, in the order of the inputs of forward."
            )
        if self.is_loss:  # a loss is differentiated with respect to the network's output, not to the truth
            truth = [name for name in floats if name not in self.order and name != floats[0]]
            self.constants += truth
            for name in truth:
                del self.roles[name], self.values[name]

    def leaves(self):
        """(name, array or constant) of all inputs, those inside tuples included: outputs[0], outputs[1], labels."""
        for name, tree in zip(self.input_names, self.inputs, strict=True):
            yield from _leaves(tree, name)

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
        self.under_test, self.dtype = under_test, np.dtype(dtype)
        self.obj = copy.deepcopy(under_test.template)
        if self.dtype != np.float64:
            cast(self.obj, dtype)
        found = find_parameters(self.obj)
        self.parameters = {name: parameter for name, parameter in found.items() if name in under_test.parameters}
        # Every forward starts with the generators where they were at first: the same dropout mask each time.
        self.generators = [(g, g.bit_generator.state) for g in generators(self.obj)]

    def forward(self, changes=None, layout=None):
        """Outputs on the host as a flat list. changes: {name: array} to use in place of the object's values.

        Changed parameters are put back at once, so use set() where a backward follows. layout: a function through
        which each input array goes before the call.
        """
        self.arrays = {}  # name -> the very array that forward was given
        changes = changes or {}
        for name, leaf in self.under_test.leaves():
            if is_float_array(leaf):
                value = changes.get(name, self.under_test.values.get(name))
                value = to_numpy(leaf) if value is None else value
                leaf = to_device(np.array(value, self.dtype), device_of(leaf))
                leaf = leaf if layout is None else layout(leaf)
            elif is_array(leaf):
                leaf = leaf.copy()
            self.arrays[name] = leaf
        before = {name: parameter.array.copy() for name, parameter in self.parameters.items() if name in changes}
        for name in before:
            _write(self.parameters[name].array, changes[name])
        for generator, state in self.generators:
            generator.bit_generator.state = state
        arguments = [_rebuild(tree, name, self.arrays) for name, tree in zip(
            self.under_test.input_names, self.under_test.inputs, strict=True)]
        try:
            self.output = self.obj.forward(*arguments)
        finally:
            for name, value in before.items():
                _write(self.parameters[name].array, value)
        self.raw_outputs = [leaf for _, leaf in _leaves(self.output, "y")]
        return [_to_host(leaf) for leaf in self.raw_outputs]

    def set(self, changes):
        """Change parameters for good, as an optimizer would; names of inputs are passed over."""
        for name, value in changes.items():
            if name in self.parameters:
                _write(self.parameters[name].array, value)

    def backward_raw(self, dys, layout=None, **options):
        """What backward returns, as a flat list of arrays and Nones. dys: host arrays, one for each output."""
        self.dys = [_like(dy, leaf) if layout is None else layout(_like(dy, leaf))
                    for dy, leaf in zip(dys, self.raw_outputs, strict=True)]
        named = {f"y{i}": dy for i, dy in enumerate(self.dys)}
        tree = _rebuild(self.output, "y", {name: dy for (name, _), dy in zip(
            _leaves(self.output, "y"), named.values(), strict=True)})
        call = self.under_test.call
        if call == "nothing" and self.raw_outputs and all(np.shape(leaf) == () for leaf in self.raw_outputs):
            arguments = ()
        else:
            arguments = tree if isinstance(tree, tuple) and call == "several" else (tree,)
        if "input_gradient" in inspect.signature(self.obj.backward).parameters:
            options = {"input_gradient": True} | options
        returned = self.obj.backward(*arguments, **options)
        leaves = [leaf for _, leaf in _leaves(returned, "dx")]
        return [] if len(leaves) == 1 and leaves[0] is None else leaves

    def backward(self, dys, layout=None, host=True, **options):
        """{name: gradient or None} of every input and parameter, on the host (host=False: as they are)."""
        returned = self.backward_raw(dys, layout, **options)
        grads = dict.fromkeys(self.under_test.roles)
        grads |= {name: g for name, g in zip(self.under_test.order, returned, strict=False) if name in grads}
        grads |= {name: parameter.grad for name, parameter in self.parameters.items()}
        return {name: _to_host(g) if host and g is not None else g for name, g in grads.items()}

    def forget(self):
        """Drop what a forward kept that no backward will use."""
        if callable(getattr(self.obj, "forget", None)):
            self.obj.forget()


def random_signed(rng, shape):
    """Random numbers of both signs and of size 0.5 to 1.5: none is nearly zero, so none is left unchecked."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def _as_object(obj):
    if isinstance(obj, tuple) and len(obj) == 2 and all(callable(f) for f in obj):
        return FunctionPair(*obj)
    if not is_part(obj):
        raise TypeError(
            f"gradcheck needs an object with forward and backward, or a pair of functions (forward, backward); got "
            f"{obj!r}."
        )
    return obj


def _private_copy(obj, title):
    try:
        return copy.deepcopy(obj)
    except Exception as error:
        raise TypeError(
            f"gradcheck works on a copy, so that the original stays as it is, and {title} cannot be copied ({error}). "
            "Does it hold an open file or a lock? Check a smaller object, or give it __deepcopy__."
        ) from error


def _input_names(obj, count):
    """Names of forward's arguments; input 0, input 1 ... where it does not say."""
    function = obj.functions[0] if isinstance(obj, FunctionPair) else obj.forward
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"input {i}" for i in range(len(names), count)]


def _how_to_call(backward):
    """Does backward take "nothing" (a loss), "one" gradient, or "several"?"""
    parameters = [p for p in inspect.signature(backward).parameters.values() if p.name != "input_gradient"]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return "several"
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    return "nothing" if not required else "one" if len(required) == 1 else "several"


def _leave_zero(array, rng):
    """Replace the zeros of a parameter by small random numbers: a bias of zero hides a wrong backward."""
    host = to_numpy(array)
    zero = host == 0
    if zero.any():
        fan_in = max(1, int(np.prod(host.shape[:-1]))) if host.ndim > 1 else 4
        _write(array, np.where(zero, random_signed(rng, host.shape) * fan_in**-0.5, host))


def _write(array, value):
    """In place, since other objects may hold the same array."""
    array[...] = to_device(np.asarray(value, array.dtype), device_of(array)) if isinstance(value, np.ndarray) else value


def _leaves(tree, name):
    if isinstance(tree, tuple | list):
        for i, branch in enumerate(tree):
            yield from _leaves(branch, f"{name}[{i}]")
    else:
        yield name, tree


def _rebuild(tree, name, leaves):
    """The tuples and lists of `tree` with the named leaves in their places."""
    if isinstance(tree, tuple | list):
        return tuple(_rebuild(branch, f"{name}[{i}]", leaves) for i, branch in enumerate(tree))
    return leaves[name]


def _like(dy, leaf):
    """dy on the device and in the dtype of the output that it belongs to."""
    if not is_array(leaf):
        return dy.astype(getattr(leaf, "dtype", np.float64))[()]
    return to_device(np.array(dy, np.dtype(leaf.dtype)), device_of(leaf))


def _to_host(a):
    """Any array or number as a NumPy array, its dtype kept."""
    return to_numpy(a) if is_array(a) else np.asarray(a)

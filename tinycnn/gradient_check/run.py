"""One private copy of what is checked, that can be called as a training loop would call it."""

import copy
import inspect

import numpy as np

from tinycnn.backend import device_of, to_device
from tinycnn.gradient_check.deadline import deadline
from tinycnn.gradient_check.generators import generators, put_back, state_of
from tinycnn.gradient_check.parts import attributes, is_array, is_float_array, is_ours, walk
from tinycnn.gradient_check.private_copy import private_copy
from tinycnn.gradient_check.reachable import places
from tinycnn.gradient_check.trees import leaves, like, of_kind, rebuild, to_host
from tinycnn.gradient_check.variables import Listed, value_name

# Methods of objects that add gradients up on purpose, as PyTorch does.
ZEROING = ("zero_grad", "zero_grads", "clear_grads", "reset_grads")


class Run:
    """One private copy of the object. forward and backward may be called in any order, as a training loop would."""

    def __init__(self, under_test, dtype=np.float64):
        self.under_test, self.dtype, self.named = under_test, np.dtype(dtype), {}
        self.obj = copy.deepcopy(under_test.template) if under_test.simple else private_copy(under_test.template)
        if self.dtype != np.float64:
            cast(self.obj, dtype)
        # Where the variables are, also if obj is put into a chain.
        self.holder = Listed(self.obj) if under_test.simple else self.obj
        self.variables = under_test.variables
        for name, variable in self.variables.items():  # what belongs to a class may hold what an earlier run left
            if variable.path.outside and name in under_test.values:
                variable.write(self.holder, under_test.values[name])
        # Every forward starts with the generators where they were at first: the same dropout mask each time.
        self.generators = [(g, state_of(g)) for g in generators(self.obj)]

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
                    array = to_device(np.array(value, self.dtype), device_of(leaf))
                    leaf = of_kind(array if layout is None else layout(array), leaf)
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
            with deadline(self.under_test.limit):
                self.output = self.obj.forward(*arguments)
        finally:
            self.set(before)
        self.raw_outputs = [leaf for _, leaf in leaves(self.output, "y")]
        # Copies: forward may write into the same buffer again.
        return [np.array(to_host(leaf)) for leaf in self.raw_outputs]

    def rewind(self):
        for generator, state in self.generators:
            put_back(generator, state)

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
        for name in ZEROING:
            if callable(getattr(self.obj, name, None)):
                getattr(self.obj, name)()
        if "input_gradient" in inspect.signature(self.obj.backward).parameters:
            options = {"input_gradient": True} | options
        with deadline(self.under_test.limit):
            returned = self.obj.backward(*arguments, **options)
        found, self.named = [], {}
        for part in returned if isinstance(returned, tuple) else (returned,):
            if isinstance(part, dict):
                self.named |= {str(key): g for key, g in part.items()}
            else:
                found += [leaf for _, leaf in leaves(part, "dx")]
        return [] if len(found) == 1 and found[0] is None else found

    def backward(self, dys, layout=None, host=True, **options):
        """{name: gradient or None} of every input and parameter, on the host (host=False: as they are)."""
        returned = self.backward_raw(dys, layout, **options)
        grads, placed = dict.fromkeys(self.under_test.roles), 0
        for name, at in self.under_test.source.items():
            if isinstance(at, str):
                grads[name] = self.named.get(at)
            else:
                grads[name], placed = returned[at] if at < len(returned) else None, placed + 1
        extra = {str(i): g for i, g in enumerate(returned[max(placed, 1) :])}
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
    found, converted = places(obj, every=True), {}
    for path, value in found.items():
        if is_float_array(value) and np.dtype(value.dtype) != dtype and not path.outside:
            if id(value) not in converted:
                converted[id(value)] = value.astype(np.dtype(dtype))
            path.set(obj, converted[id(value)])
    for _, part in walk(obj):
        for value in attributes(part).values():
            if value_name(value):
                value.grad = None

"""Looking into an object that somebody else wrote: where its parameters are, and where backward leaves their gradients.

Nothing is asked of the object but forward and backward. These ways of keeping parameters are understood:

    self.w = Parameter(...)              an object with .value and .grad (or .data and .grad)
    parameters() -> {name: Parameter}    as in tinycnn.layers
    self.w, self.dw                      an array, and its gradient in an attribute dw, grad_w or w_grad
    self.params, self.grads              two dictionaries with the same keys, or two lists in the same order

Objects with forward and backward that are attributes, or lie in a list, tuple or dictionary that is an attribute, are
parts: their parameters count too, by dotted name. Attributes whose names begin with an underscore are private.
"""

import functools

import numpy as np

GRADIENT_NAMES = ("d{}", "grad_{}", "{}_grad")


def is_array(a):
    """Is it a NumPy, CuPy or simulated array? Single NumPy numbers and Python numbers are not."""
    return hasattr(a, "dtype") and hasattr(a, "shape") and hasattr(a, "astype") and not isinstance(a, np.generic)


def is_float_array(a):
    """Is it an array of floating-point numbers, one that a gradient can belong to?"""
    return is_array(a) and np.dtype(a.dtype).kind == "f"


def is_part(obj):
    """Has it a forward and a backward of its own? Classes have, but only as something to call later."""
    return not isinstance(obj, type) and all(callable(getattr(obj, name, None)) for name in ("forward", "backward"))


def walk(obj, name="", seen=None):
    """Yield (dotted name, object) for the object itself, named "", and for every part inside it, once each."""
    seen = set() if seen is None else seen
    if id(obj) in seen:
        return
    seen.add(id(obj))
    yield name, obj
    for child_name, child in _parts(obj):
        yield from walk(child, f"{name}.{child_name}" if name else child_name, seen)


def _parts(obj):
    children = obj.children() if callable(getattr(obj, "children", None)) else None
    if isinstance(children, dict):
        yield from children.items()
        return
    for name, value in getattr(obj, "__dict__", {}).items():
        if is_part(value):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", v) for key, v in value.items() if is_part(v))
        elif isinstance(value, list | tuple):
            yield from ((f"{name}[{i}]", v) for i, v in enumerate(value) if is_part(v))


class FoundParameter:
    """One parameter: where its array is, and where its gradient will be.

    guessed: found by its looks only (an array as an attribute), so it may also be a cache or a constant
    """

    def __init__(self, owner, key, find_grad, guessed=False):
        self.owner, self.key, self.find_grad, self.guessed = owner, key, find_grad, guessed

    @property
    def array(self):
        return _get(self.owner, self.key)

    @property
    def grad(self):
        return self.find_grad()

    def clear(self):
        """Forget a gradient of an earlier backward: None in a Parameter, zeros elsewhere."""
        if _value_name(self.owner) == self.key:
            self.owner.grad = None
        elif is_array(self.grad):
            self.grad[...] = 0


def find_parameters(obj):
    """{dotted name: FoundParameter} of all parameters of the object and its parts."""
    if callable(getattr(obj, "parameters", None)):
        named = obj.parameters()
        if isinstance(named, dict) and all(_value_name(p) for p in named.values()):
            return {name: _from_parameter(p) for name, p in named.items()}
    found, taken = {}, set()
    for prefix, part in walk(obj):
        for name, parameter in _parameters_of(part):
            if id(parameter.array) not in taken:  # the same array may be an attribute and an entry of params
                taken.add(id(parameter.array))
                found[f"{prefix}.{name}" if prefix else name] = parameter
    return found


def _parameters_of(part):
    own = dict(getattr(part, "__dict__", {}))
    params = own.get("params")
    if isinstance(params, dict | list):
        for key, array in params.items() if isinstance(params, dict) else enumerate(params):
            if is_float_array(array):
                name = f"params[{key}]" if isinstance(key, int) else str(key)
                yield name, FoundParameter(params, key, functools.partial(_entry, part, key))
    for name, value in own.items():
        if _value_name(value):
            yield name, _from_parameter(value)
        elif is_float_array(value) and not name.startswith("_") and not _is_gradient(name, own):
            yield name, FoundParameter(part, name, functools.partial(_attribute, part, name), guessed=True)


def _from_parameter(parameter):
    return FoundParameter(parameter, _value_name(parameter), lambda: parameter.grad)


def _value_name(obj):
    """The attribute in which a Parameter-like object keeps its array: "value" or "data"; None for other objects."""
    if not hasattr(obj, "grad"):
        return None
    return next((name for name in ("value", "data") if is_float_array(getattr(obj, name, None))), None)


def _is_gradient(name, own):
    """dw, grad_w, w_grad where there is a w."""
    return any(pattern.format(other) == name for other in own for pattern in GRADIENT_NAMES)


def _attribute(part, name):
    """The gradient of an array attribute, or a number; looked up late, since backward may make the attribute."""
    found = (getattr(part, pattern.format(name), None) for pattern in GRADIENT_NAMES)
    return next((a for a in found if is_array(a) or isinstance(a, float | np.floating)), None)


def _entry(part, key):
    """grads[key], looked up late; None when it is not there."""
    try:
        return part.grads[key]
    except (AttributeError, KeyError, IndexError):
        return None


def _get(owner, key):
    return owner[key] if isinstance(owner, dict | list) else getattr(owner, key)


def _set(owner, key, value):
    if isinstance(owner, dict | list):
        owner[key] = value
    else:
        setattr(owner, key, value)


def cast(obj, dtype):
    """Convert every floating-point array in the object and its parts; an array that two owners share stays shared."""
    converted: dict[int, tuple] = {}  # id -> (old, new); the old one is kept so that its id is not used again

    def convert(value):
        if is_float_array(value):
            return converted.setdefault(id(value), (value, value.astype(np.dtype(dtype))))[1]
        if _value_name(value):
            _set(value, _value_name(value), convert(getattr(value, _value_name(value))))
            value.grad = None
        elif isinstance(value, dict | list):
            for key, v in list(value.items() if isinstance(value, dict) else enumerate(value)):
                if (new := convert(v)) is not v:
                    value[key] = new
        elif type(value) is tuple:
            return tuple(convert(v) for v in value)
        return value

    for _, part in walk(obj):
        for name, value in list(getattr(part, "__dict__", {}).items()):
            if (new := convert(value)) is not value:
                setattr(part, name, new)


def generators(obj):
    """Every numpy.random.Generator of the object and its parts: what a dropout draws its mask from."""
    values = (v for _, part in walk(obj) for v in getattr(part, "__dict__", {}).values())
    return list({id(v): v for v in values if isinstance(v, np.random.Generator)}.values())

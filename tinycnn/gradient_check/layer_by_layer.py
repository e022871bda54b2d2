"""Which layer of a network is wrong: each is checked on its own, with the x and dy that it gets inside the network."""

import functools

from tinycnn.backend import to_numpy
from tinycnn.gradient_check.parts import is_array, walk


def check_layer_by_layer(under_test, dys, check):
    """A sentence that names the wrong layers, or None for an object without parts. check: gradcheck itself."""
    run = under_test.run()
    received: dict[str, dict] = {}  # layer name -> {"x": arguments of its forward, "dy": arguments of its backward}
    writers: list[str] = []  # layers that write into what they are given, which the layer before may still need
    parts = [(name, part) for name, part in walk(run.obj) if name and len(list(walk(part))) == 1]
    for name, part in parts:
        received[name] = {}
        part.forward = _recorded(part.forward, received[name], "x", writers, f"{name}.forward")
        part.backward = _recorded(part.backward, received[name], "dy", writers, f"{name}.backward")
    run.forward()
    run.backward(dys)
    untouched, wrong, right = dict(walk(under_test.run().obj)), [], 0
    for name, seen in received.items():
        if "x" in seen and "dy" in seen:
            report = check(untouched[name], *seen["x"], dy=seen["dy"] or None, mode="directional", invariants=False)
            wrong += [name] if any(tensor.verdict == "wrong" for tensor in report.tensors) else []
            right += report.ok
    found = [f"wrong on its own is {', '.join(wrong)}"] if wrong else []
    if writers:
        found.append(f"{' and '.join(writers)} writes into the array it is given, which other layers may still need: "
                     "change a copy")
    if found:
        return f"layer by layer: {'; '.join(found)}"
    if right:
        return (f"layer by layer: {right} of {len(received)} layers are right on their own and none is wrong, so look "
                "at how gradients are passed from one to the next")
    return None


def _recorded(function, seen, name, writers, title):
    @functools.wraps(function)
    def call(*arguments, **options):
        seen[name] = tuple(a.copy() if is_array(a) else a for a in arguments)
        result = function(*arguments, **options)
        pairs = [(to_numpy(a), to_numpy(b)) for a, b in zip(arguments, seen[name], strict=True) if is_array(a)]
        if any(a.tobytes() != b.tobytes() for a, b in pairs):
            writers.append(title)
        return result

    return call

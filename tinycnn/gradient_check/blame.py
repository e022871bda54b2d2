"""Which layer of a wrong network is to blame: each is checked on its own, with the x and dy that it really met."""

import functools

from tinycnn.gradient_check.slots import walk


def blame(subject, dys, check):
    """A sentence, or None for a thing without parts. check: gradcheck itself."""
    run = subject.run()
    met = {}  # layer name -> {"x": arguments of its forward, "dy": arguments of its backward}
    parts = [(name, part) for name, part in walk(run.thing) if name and len(list(walk(part))) == 1]
    for name, part in parts:
        met[name] = {}
        part.forward = _recorded(part.forward, met[name], "x")
        part.backward = _recorded(part.backward, met[name], "dy")
    run.forward()
    run.backward(dys)
    untouched, wrong, right = dict(walk(subject.run().thing)), [], 0
    for name, seen in met.items():
        if "x" in seen and "dy" in seen:
            report = check(untouched[name], *seen["x"], dy=seen["dy"] or None, mode="directional", invariants=False)
            wrong += [name] if any(tensor.verdict == "wrong" for tensor in report.tensors) else []
            right += report.ok
    if wrong:
        return f"layer by layer: wrong on its own is {', '.join(wrong)}"
    if right:
        return (f"layer by layer: {right} of {len(met)} layers are right on their own and none is wrong, so look at "
                "how gradients are passed from one to the next")
    return None


def _recorded(function, seen, name):
    @functools.wraps(function)
    def call(*arguments, **options):
        seen[name] = arguments
        return function(*arguments, **options)

    return call

"""A term that is missing or too many: an output, a use, a penalty, a path through a mean."""

import itertools

import numpy as np

from tinycnn.gradient_check.permutations import axis_names
from tinycnn.gradient_check.wrong_gradient import DIRECTIONS, SAME


def several_outputs(wrong):
    """g = a * (the part of y[0]) + b * (the part of y[1]) ... with factors that are not all 1."""
    dys = wrong.differences.dys
    if not 1 < len(dys) < DIRECTIONS - 1:
        return None
    parts = np.array([[np.sum(dy * part) for dy, part in zip(dys, response, strict=True)]
                      for response in wrong.responses])
    claimed = np.array([np.sum(wrong.g * r) for r in wrong.directions])
    reaching = abs(parts).max(axis=0) > 1e-12 * abs(parts).max()
    if reaching.sum() < 2 or not np.isfinite(claimed).all():
        return None
    factors = np.zeros(len(dys))
    factors[reaching] = np.linalg.lstsq(parts[:, reaching], claimed, rcond=None)[0]
    if np.linalg.norm(claimed - parts @ factors) > SAME * np.linalg.norm(claimed) or not wrong.is_steady(factors):
        return None
    k = next(k for k in np.flatnonzero(reaching) if abs(factors[k] - 1) > SAME)
    c = factors[k]
    if abs(c) <= SAME:
        return "output ignored", (f"right if the gradient of y[{k}] were 0: it never arrives here. Where two paths "
                                  "meet, their gradients are added (+)")
    by_batch = min(abs(c / wrong.batch - 1), abs(c * wrong.batch - 1)) <= SAME
    family = "sign" if abs(c + 1) <= SAME else "batch mean" if by_batch else "factor"
    return family, (f"the part that comes from y[{k}] is {c:.6g} times the right one, the others are right: where two "
                    "paths meet, their gradients are added as they are")


def only_one_part(wrong):
    """Only one image, or one position, counts: assigned in a loop instead of added up."""
    dys = wrong.differences.dys
    for k in range(wrong.batch):
        only = [np.where(np.arange(len(dy)).reshape(-1, *[1] * (dy.ndim - 1)) == k, dy, 0) if dy.ndim else dy
                for dy in dys]
        if wrong.batch > 1 and not wrong.differences.under_test.is_loss and wrong.factor(dys=only) is not None:
            return "overlap", f"only image {k} of the batch counts: assigned (=) in a loop instead of accumulated (+=)"
    if len(dys) == 1 and dys[0].ndim == 4:
        _, oh, ow, _ = dys[0].shape
        for i, j in {(0, 0), (oh - 1, ow - 1)}:
            one = np.zeros(dys[0].shape)
            one[:, i, j] = dys[0][:, i, j]
            if oh * ow > 1 and wrong.factor(dys=[one]) is not None:
                return "overlap", f"only position ({i}, {j}) counts: assigned (=) in a loop instead of accumulated (+=)"
    return None


def added_term(wrong):
    """gradient = right one + c * something known: the tensor itself, dy, y, a constant."""
    differences, shape = wrong.differences, wrong.tensor.shape
    value = differences.values[wrong.name]
    claimed = np.array([np.sum(wrong.g * r) for r in wrong.directions])
    rest = claimed - [differences.dot(response) for response in wrong.responses]
    known = {f"{wrong.name} itself": value, "dy": differences.dys[0] if len(differences.dys) == 1 else None,
             "the sign of " + wrong.name: np.sign(value), "y": differences.y[0]}
    if not differences.under_test.is_loss:
        known["1 (a constant)"] = np.ones(shape)
    for words, term in known.items():
        if term is None or term.shape != shape or value.size < 2 or not term.any():
            continue
        along = np.array([np.sum(term * r) for r in wrong.directions])
        c = float(rest @ along / (along @ along))
        size = float(np.linalg.norm(claimed))
        rounding = max(SAME * float(np.linalg.norm(rest)), min(1e-9 * size, 1e-3 * float(np.linalg.norm(rest))))
        if not c or np.linalg.norm(rest - c * along) > rounding or np.linalg.norm(rest) < 1e-9 * size:
            continue
        if c < 0:
            why = "is the path around forgotten?" if words == "dy" else "is the gradient of a penalty forgotten?"
            return "term missing", f"the gradient lacks {-c:.4g} times {words}: {why}"
        why = "is the path around counted twice, or does forward have none?" if words == "dy" else (
            "weight decay belongs into the optimizer, or its penalty into forward too")
        return "extra term", f"{c:.4g} times {words} is added: {why}"
    return None


def forgotten_path(errors):
    """What is missing is the same, or grows with x, over all that a mean, a variance or a sum runs over."""
    rest = errors.true - errors.claimed
    if errors.shape == () or not np.isfinite(rest).all() or abs(rest).max() <= errors.tiny:
        return None
    value, y = errors.differences.values[errors.tensor.name], errors.differences.y
    names = axis_names(errors.tensor.role, len(errors.shape))
    for count in range(1, len(errors.shape) + 1):
        for axes in itertools.combinations(range(len(errors.shape)), count):
            size = int(np.prod([errors.shape[i] for i in axes]))
            over = " and ".join(names[i] for i in axes)
            move = [i for i in range(len(errors.shape)) if i not in axes] + list(axes)

            def groups(a, move=move, size=size):
                return a.transpose(move).reshape(-1, size)

            missing, bases = groups(rest), {}
            if size >= 4 and len(missing) * (size - 1) >= 8:
                bases["a number of its own for each group: the path through a mean"] = [np.ones(missing.shape)]
                bases["proportional to it: the path through a norm or a sum of squares"] = [groups(value)]
                if len(y) == 1 and y[0].shape == errors.shape:
                    bases["proportional to y: the path through the sum that y was divided by"] = [groups(y[0])]
            if size >= 6 and len(missing) * (size - 2) >= 8:
                bases["a straight line in it: the paths through mean and "
                      "variance"] = [np.ones(missing.shape), groups(value)]
            for words, basis in bases.items():
                if _fits(missing, basis):
                    if not _mixes(errors, axes):
                        return "extra term", (f"what is too much is, over {over}, {words}; but y of one does not "
                                              "depend on the others there: in forward mean and variance are "
                                              "constants")
                    return "term missing", f"what is missing is, over {over}, {words}"
    return None


def _mixes(errors, axes):
    """Does y at one index along these axes change with the tensor at another? Else forward has no such path."""
    differences, name = errors.differences, errors.tensor.name
    y = differences.y[0]
    if y.shape != errors.shape:
        return True
    first = tuple(0 if i in axes else slice(None) for i in range(len(errors.shape)))
    direction = np.zeros(errors.shape)
    direction[first] = 1.0
    changed = differences.move({name: direction}, 0.1)[0][0] - y
    changed[first] = 0
    return bool(abs(changed).max() > 1e-9 * max(1e-300, abs(y).max()))


def _fits(missing, basis):
    """Is each row of `missing` a combination of the same rows of the basis?"""
    columns = np.stack(basis, axis=2)  # (groups, size, terms)
    found = np.linalg.pinv(columns) @ missing[:, :, None]
    return float(abs((columns @ found)[:, :, 0] - missing).max()) <= 1e-6 * float(abs(missing).max())

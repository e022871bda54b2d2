"""The three parts of a data set: those it brings, as they are; what is missing is split off, by class and by group."""

from tinycnn.data.readers.groups import crossing
from tinycnn.data.splits import divide
from tinycnn.errors import DataError
from tinycnn.text import count


def form_parts(parts, brought, valid_fraction, test_fraction, seed, groups=None):
    """(train, valid, test, sentences on how they were formed); `brought` are the parts the annotations speak of.

    parts: {part or None: Samples}    groups: {part: the name of each picture's group}; None where there are no groups
    """
    if None in brought and len(brought) > 1:
        raise DataError(
            f"some pictures are assigned to a part ({', '.join(sorted(brought - {None}))}) and others to none: assign "
            "all of them, or none"
        )
    groups = dict.fromkeys(parts) if groups is None else groups
    way = f"stratified by class, seed {seed}"
    if len(brought) == 1:
        (only,) = brought
        everything, names = parts[only], groups[only]
        share = 0.2 if test_fraction is None else test_fraction
        rest, test = divide(everything.labels, share, seed, names)
        if names and share and not len(test):
            raise DataError(f"none of the {len(set(names))} groups can be the test part: each holds all pictures of "
                            "some class, which could then not be learned. Are the groups the classes? Group by what "
                            "tells one film or thing from another, or leave group_by away")
        learned, chosen = divide(everything.labels[rest], valid_fraction, seed, names and [names[i] for i in rest])
        train, valid, test = (everything.subset(indices) for indices in (rest[learned], rest[chosen], test))
        what = f"{share:.0%} for test, then {valid_fraction:.0%} of the rest for valid"
        how = [f"brings no parts of its own: {what}, {way}"]
        return train, valid, test, how + _met(names, valid_fraction, {"train": train, "valid": valid, "test": test})
    if test_fraction is not None:
        raise DataError(f"it brings parts of its own ({', '.join(sorted(brought))}): leave test_fraction away")
    torn = crossing({part: names for part, names in groups.items() if names})
    if brought == {"train", "valid", "test"}:
        return parts["train"], parts["valid"], parts["test"], torn
    own = "test" if "test" in brought else "valid"
    train, valid = parts["train"].split(valid_fraction, seed, groups["train"])
    what = f"test is its own {own} part; valid is {valid_fraction:.0%} of its train part"
    met = _met(groups["train"], valid_fraction, {"train": train, "valid": valid})
    return train, valid, parts[own], [f"brings two parts: {what}, {way}", *met, *torn]


def _met(groups, valid_fraction, parts):
    """Sentences on a division by groups: what became of the shares that were asked for."""
    if not groups:
        return []
    sizes = ", ".join(f"{name} {len(part)}" for name, part in parts.items())
    groups = count(len(set(groups)), "group")
    sentences = [f"{groups}, each in one part, as near to those shares as that allows: {sizes}"]
    if valid_fraction and not len(parts["valid"]):
        sentences.append("no group could be the valid part without taking all pictures of some class: it is empty, and "
                         "the last epoch counts in place of the best one")
    return sentences

"""What can be wrong with data before any network sees them: labels, boxes, boxes of other pictures, doubles.

Whether boxes belong to their pictures is measured without a network: what a box holds differs in color and detail from
what surrounds it. If boxes with x and y exchanged, or mirrored, or those of other pictures stand out more than the
boxes as given, then the boxes are probably not what they claim to be. (Measured on drawn scenes and on two sets of
photographs: with 130 to 300 pictures, correct boxes win by over six standard errors against each other reading.)
"""

import numpy as np

from tinycnn.data.twins import near_twins, pairs_of
from tinycnn.inspection.finding import LOOK, OK, WRONG, Finding
from tinycnn.resize import crop_resize
from tinycnn.text import count, figure_of, percent

SIDE = 32  # pixels of the thumbnails
SOME = 300  # pictures in which boxes are compared with their surroundings
MANY = 4000  # pictures of a part that are searched for doubles
CERTAIN = 4.0  # standard errors by which another reading of the boxes must win


def run(parts, seed):
    """The Findings about a data set; parts: {"train": Samples, ...}."""
    rng = np.random.default_rng(seed)
    yield labels(parts)
    yield boxes(parts["train"])
    yield belonging(parts["train"], rng)
    if any(len(samples) for name, samples in parts.items() if name != "train"):
        yield doubles(parts, seed)


def labels(parts):
    """Does every class occur, and about equally often?"""
    train = parts["train"]
    counts = np.bincount(train.labels, minlength=len(train.classes))
    numbers = dict(zip(train.classes, counts.tolist(), strict=True))
    missing = [name for name, n in numbers.items() if n == 0]
    told = f"{count(len(train), 'picture')} of {count(len(train.classes), 'class', 'classes')}, " \
           f"{counts.min():,} to {counts.max():,} of each"
    if missing:
        tested = [name for k, name in enumerate(train.classes) if counts[k] == 0 and any(
            (samples.labels == k).any() for part, samples in parts.items() if part != "train")]
        if tested:
            return Finding("labels", WRONG, f"{', '.join(tested[:5])}: asked for outside the training part, and never "
                           "seen in it", "Divide the pictures by class (stratified), or collect some.", numbers)
        return Finding("labels", LOOK, f"{told}; never: {', '.join(missing[:5])}",
                       "A class that never occurs only costs: leave it out, or find out where its pictures went. "
                       "Do labels start at 1?", numbers)
    if unequal := train.imbalance():
        return Finding("labels", LOOK, f"{told}; {unequal[0][0]} is the rarest",
                       "A network may ignore rare classes: look at each class's accuracy, not at the mean alone. To "
                       "show all equally often: --balance, or fit(balance=True).", numbers)
    return Finding("labels", OK, told, numbers=numbers)


def boxes(train):
    """Are the boxes of a sensible size, in pixels, and different from each other?"""
    height, width = train.sizes.T.astype(float)
    relative = train.boxes / np.stack([width, height, width, height], axis=1)  # (n, 4) in 0..1
    area = (relative[:, 2] - relative[:, 0]) * (relative[:, 3] - relative[:, 1])
    spread = float(relative.std(axis=0).mean())
    numbers = {"mean area": float(area.mean()), "spread": spread, "largest coordinate": float(train.boxes.max())}
    told = f"they cover {percent(float(area.mean()))} of a picture on average, edges vary by {percent(spread)}"
    if train.boxes.max() <= 1.0 + 1e-6 and train.sizes.min() >= 8:
        return Finding("boxes", WRONG, f"no coordinate is larger than {figure_of(float(train.boxes.max()))} pixels",
                       "They are normalized already (0 to 1), and would be divided by the image size a second time. "
                       "Give boxes in pixels: multiply by width and height.", numbers)
    if area.mean() < 1e-3:
        return Finding("boxes", WRONG, told, "So small boxes cannot be right, unless the objects are a few pixels "
                       "large: are the coordinates in pixels of the same picture?", numbers)
    if spread < 0.01:
        return Finding("boxes", LOOK, told, "All boxes are the same: the mean box is the best answer, and the network "
                       "will learn it.", numbers)
    if (area > 0.95).mean() > 0.9:
        return Finding("boxes", LOOK, told, "Nearly every box is the whole picture: there is nothing to localize.",
                       numbers)
    return Finding("boxes", OK, told, numbers=numbers)


def belonging(train, rng):
    """Do the boxes frame something in their own pictures, more than other readings of the same numbers would?"""
    chosen = np.sort(rng.permutation(len(train))[:SOME])
    pictures = _thumbnails(train.images, chosen, SIDE) / 255.0  # (n, S, S, 3)
    sizes = train.sizes[chosen][:, [1, 0, 1, 0]]
    given = train.boxes[chosen] / sizes  # (n, 4) in 0..1
    sums = _integral(pictures)
    here, gain = _standing_out(sums, given), {}
    for name, other in _readings(given).items():
        apart = np.abs(other - given).max(axis=1) > 0.1  # where both readings nearly agree, nothing can be told
        if apart.sum() >= 20:
            difference = (_standing_out(sums, other) - here)[apart]
            gain[name] = float(difference.mean() / (difference.std() / np.sqrt(len(difference)) + 1e-12))
    if not gain:
        return Finding("boxes fit pictures", OK, "cannot be told: too few pictures, or boxes too much alike")
    best = max(gain, key=lambda name: gain[name])
    if gain[best] > CERTAIN:
        return Finding("boxes fit pictures", WRONG, f"what they frame stands out less than with {best} "
                       f"({gain[best]:.1f} standard errors)", f"Probably {ADVICE[best]}. Draw a few: "
                       "tinycnn.plots.contact_sheet(data.train).", gain)
    strangers = gain.get("the boxes of other pictures")
    if strangers is not None and strangers > -2 and len(chosen) >= 100:
        return Finding("boxes fit pictures", LOOK, "what they frame stands out no more than what the boxes of other "
                       "pictures frame", "Are boxes and pictures in the same order? Draw a few: "
                       "tinycnn.plots.contact_sheet(data.train).", gain)
    return Finding("boxes fit pictures", OK, "what they frame stands out more than with any other reading of the "
                   f"numbers (closest: {best}, {-gain[best]:.1f} standard errors below)", numbers=gain)


ADVICE = {
    "x and y exchanged": "the source writes (ymin, xmin, ymax, xmax), or a width was taken for a height",
    "left and right mirrored": "the pictures were flipped, by augmentation or when they were read, and the boxes not",
    "top and bottom mirrored": "the source counts y from the bottom",
    "the boxes of other pictures": "pictures and boxes are not in the same order",
}


def _readings(given):
    xmin, ymin, xmax, ymax = given.T
    columns = {"x and y exchanged": (ymin, xmin, ymax, xmax),
               "left and right mirrored": (1 - xmax, ymin, 1 - xmin, ymax),
               "top and bottom mirrored": (xmin, 1 - ymax, xmax, 1 - ymin)}
    found = {name: np.stack(parts, axis=1) for name, parts in columns.items()}
    return found | {"the boxes of other pictures": np.roll(given, len(given) // 2, axis=0)}


def _integral(pictures):
    """Sums over all rectangles that begin in the corner, (n, S + 1, S + 1, 4): three colors, and fineness of detail."""
    gray = pictures.mean(axis=3)
    detail = np.abs(np.gradient(gray, axis=1)) + np.abs(np.gradient(gray, axis=2))
    every = np.concatenate([pictures, 2 * detail[..., None]], axis=3)
    return np.pad(every.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0), (0, 0)))


def _standing_out(sums, boxes):
    """How far the mean inside each box (n, 4) in 0..1 is from the mean of the frame around it, (n,)."""
    center, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    inside, area = _rectangle(sums, boxes)
    both, larger = _rectangle(sums, np.concatenate([center - 1.4 * half, center + 1.4 * half], axis=1))
    around = larger - area
    apart = inside / area[:, None] - (both - inside) / np.maximum(around, 1)[:, None]
    return np.where(around >= 4, np.sqrt((apart**2).sum(axis=1)), 0.0)


def _rectangle(sums, boxes):
    """(sums (n, 4), pixels (n,)) inside boxes in 0..1, rounded to at least one pixel."""
    n = np.arange(len(boxes))
    xmin, ymin, xmax, ymax = np.clip(np.rint(boxes * SIDE), 0, SIDE).astype(int).T
    xmin, ymin = np.minimum(xmin, SIDE - 1), np.minimum(ymin, SIDE - 1)
    xmax, ymax = np.maximum(xmax, xmin + 1), np.maximum(ymax, ymin + 1)
    total = sums[n, ymax, xmax] - sums[n, ymin, xmax] - sums[n, ymax, xmin] + sums[n, ymin, xmin]
    return total, (xmax - xmin) * (ymax - ymin)


def doubles(parts, seed):
    """Is the same picture, or nearly the same, both among the training pictures and among those to test with?"""
    train, twins = parts["train"], near_twins(parts, MANY, seed)
    same = [np.array_equal(parts[twin.part].images[twin.picture], train.images[twin.train_picture])
            for twin in twins.found]  # fmt: skip
    whole = all(twins.compared[part] == len(samples) for part, samples in parts.items() if len(samples))
    mine, every = twins.compared["train"], sum(twins.compared.values())
    scope = "all pictures" if whole else f"{mine:,} training pictures and {every - mine:,} others"
    exact, nearly = sum(same), len(same) - sum(same)
    numbers = {"same": exact, "nearly the same": nearly, "compared": scope}
    if not same:
        return Finding("doubles", OK, f"no picture is in two parts ({scope} compared)", numbers=numbers)
    return Finding("doubles", WRONG if exact else LOOK,
                   f"{exact} the same and {nearly} nearly the same in train and in another part ({scope} compared), "
                   f"such as {pairs_of(parts, twins)}",
                   "What was learned by heart is tested here. Divide by scene, film or photographer, not at random: "
                   "--group-by, or tinycnn.data.read(..., group_by=...).", numbers)


def _thumbnails(images, chosen, side):
    small = np.empty((len(chosen), side, side, 3), np.uint8)
    for row, i in enumerate(chosen):
        image = images[int(i)]
        small[row] = crop_resize(image, (0, 0, image.shape[1], image.shape[0]), (side, side))
    return small

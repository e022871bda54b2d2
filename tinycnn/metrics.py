"""How good is a localizer? Every number the project reports about classes and boxes is computed here.

    accuracy            share of images whose class is right
    balanced_accuracy   mean over the classes that occur of the share of each that is right: always answering with the
                        most frequent one of K classes scores 1 / K, however frequent it is
    mean_iou            mean intersection over union of the predicted and the true box, whatever the class
    iou50, iou75        share of images whose box has an IoU of at least 0.5, at least 0.75
    joint               **the headline**: share of images with the right class *and* an IoU of at least 0.5
    error_at_1, _5      ILSVRC localization error (Russakovsky et al. 2015, section 4.2): with k guesses, each a class
                        and a box, an image counts as an error if no guess has both right; error_at_1 = 1 - joint
    localization_error  share of images whose box misses (IoU under 0.5) when the class is given

Predicted boxes are clipped to the image and compared in its own pixels. A number means little alone: on pictures with
one large object in the middle, the same box for every picture scores well. So three answers that never look at the
picture stand beside the model's: the **mean box** of the training set, the **whole frame**, and the **majority class**.
"""

import numpy as np

from tinycnn.backend import ArrayLike, Labels
from tinycnn.boxes import clip, decode, encode, iou
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError, ShapeError
from tinycnn.text import aligned

HIT = 0.5  # the IoU from which a box counts as found
MOST_GUESSES = 5

NAMES = {  # in the order of the table
    "accuracy": "class accuracy",
    "mean_iou": "mean IoU",
    "iou50": "IoU >= .5",
    "iou75": "IoU >= .75",
    "joint": "class right and IoU >= .5",
    "error_at_1": "error@1",
    "error_at_5": "error@5",
    "localization_error": "error, class given",
}
BALANCED = "mean over classes"  # its row, under that of the accuracy, where classes are unequally frequent
MOST_CLASSES = 10  # whose accuracy is written out
COLUMNS = {"": "model", "mean_box/": "mean box", "whole_frame/": "whole frame", "majority_class/": "majority class"}


def accuracy(labels: Labels, truth: Labels) -> float:
    """Share of labels (N,) that equal truth (N,)."""
    labels, truth = np.asarray(labels), np.asarray(truth)
    if labels.shape != truth.shape or labels.ndim != 1:
        raise ShapeError(f"expected one label per image twice, (N,) and (N,), got {labels.shape} and {truth.shape}")
    _refuse_nothing(len(truth))
    return float((labels == truth).mean())


def balanced_accuracy(labels: Labels, truth: Labels) -> float:
    """Mean over the classes in truth (N,) of the share of each whose label, of labels (N,), is right."""
    accuracy(labels, truth)  # the shapes
    labels, truth = np.asarray(labels), np.asarray(truth)
    return float(np.mean([(labels[truth == label] == label).mean() for label in np.unique(truth)]))


def box_scores(boxes: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """{"mean_iou", "iou50", "iou75"} of predicted boxes (N, 4) against true boxes (N, 4), both xyxy pixels."""
    overlap = iou(boxes, truth)  # (N,)
    _refuse_nothing(overlap.size)
    return {
        "mean_iou": float(overlap.mean()),
        "iou50": float((overlap >= HIT).mean()),
        "iou75": float((overlap >= 0.75).mean()),
    }


def ilsvrc_error(guesses: ArrayLike, boxes: ArrayLike, labels: Labels, truth: ArrayLike) -> float:
    """Mean over images of the smallest max(class wrong, IoU < 0.5) among k guesses.

    guesses: (N, k) classes; boxes: (N, k, 4), or (N, 4) where all guesses of an image share a box;
    labels: (N,) true classes; truth: (N, 4) true boxes.
    """
    guesses, boxes, labels, truth = (np.asarray(array) for array in (guesses, boxes, labels, truth))
    if guesses.ndim != 2 or guesses.shape[1] == 0 or boxes.shape not in ((*guesses.shape, 4), (len(guesses), 4)):
        raise ShapeError(
            f"expected guesses (N, k) and their boxes (N, k, 4) or (N, 4), got {guesses.shape} and {boxes.shape}"
        )
    _refuse_nothing(len(guesses))
    if boxes.ndim == 2:
        boxes = boxes[:, None]  # (N, 1, 4)
    class_wrong = guesses != labels[:, None]  # (N, k)
    box_wrong = iou(boxes, truth[:, None]) < HIT  # (N, k) or (N, 1)
    return float((class_wrong | box_wrong).min(axis=1).mean())


def evaluate_predictions(labels: Labels, boxes: ArrayLike, probabilities: ArrayLike, samples: Samples,
                         train_samples: Samples | None = None) -> dict[str, float]:
    """All metrics of predictions for `samples`, with the baselines beside them.

    labels: (N,) predicted classes; boxes: (N, 4) xyxy in each image's own pixels, or (N, K, 4), one for each class;
    probabilities: (N, K), whose order gives the further guesses of error_at_5 (no more guesses than classes);
    train_samples: where the mean box and the majority class come from; without it, these are left out.

    Returns a flat dict of numbers: "count", the names listed at the top of this file, and the same names behind
    "mean_box/", "whole_frame/" and "majority_class/". What a baseline cannot answer is absent. Where classes are
    unequally frequent (Samples.imbalance), also "accuracy_of/" and "share_of/" each class that occurs. In `joint` and
    `error_at_k`, a constant box goes with the majority class, and with the next most frequent ones as further guesses.
    """
    labels, boxes, probabilities = np.asarray(labels), np.asarray(boxes, np.float64), np.asarray(probabilities)
    n, classes = len(samples), len(samples.classes)
    _refuse_nothing(n)
    for what, array, shapes in (
        ("labels", labels, [(n,)]),
        ("boxes", boxes, [(n, 4), (n, classes, 4)]),
        ("probabilities", probabilities, [(n, classes)]),
    ):
        if array.shape not in shapes:
            expected = " or ".join(map(str, shapes))
            raise ShapeError(
                f"expected {what} of shape {expected} for {n} images of {classes} classes, got {array.shape}"
            )
    guesses = np.argsort(-probabilities, axis=1, kind="stable")
    metrics = {"count": n, **_all_scores(labels, boxes, guesses, samples)}
    if samples.imbalance():
        for label in np.unique(samples.labels):
            its = samples.labels == label
            metrics[f"accuracy_of/{samples.classes[label]}"] = float((labels[its] == label).mean())
            metrics[f"share_of/{samples.classes[label]}"] = float(its.mean())
    for name, scores in _baselines(samples, train_samples).items():
        metrics |= {f"{name}/{key}": value for key, value in scores.items()}
    return metrics


def comparison_table(metrics: dict[str, float]) -> str:
    """What `evaluate_predictions` returned as an aligned text table: one metric per row, baselines beside the model."""
    columns = {prefix: title for prefix, title in COLUMNS.items() if any(prefix + key in metrics for key in NAMES)}
    rows = [(name, *(f"{metrics[prefix + key]:.3f}" if prefix + key in metrics else "-" for prefix in columns))
            for key, name in _shown(metrics).items()]
    lines = aligned([("", *columns.values()), *rows])
    if "majority_class/accuracy" in metrics:
        lines.append("Where a class is needed, the mean box and the whole frame go with the majority class.")
    return "\n".join(lines + _of_classes(metrics))


def _shown(metrics):
    """{metric: its row}"""
    if not any(key.startswith("accuracy_of/") for key in metrics):
        return NAMES
    return {"accuracy": NAMES["accuracy"], "balanced_accuracy": BALANCED} | NAMES


def _of_classes(metrics):
    """A line on each class where some are rare: the accuracy of those that do worst."""
    found = {key.partition("/")[2]: value for key, value in metrics.items() if key.startswith("accuracy_of/")}
    if not found:
        return []
    worst = sorted(found, key=lambda name: (found[name], metrics[f"share_of/{name}"]))[:MOST_CLASSES]
    told = [f"{name} {found[name]:.3f} of {round(metrics[f'share_of/{name}'] * metrics['count']):,}" for name in worst]
    rest = f", and {len(found) - len(worst)} classes that do better" if len(found) > len(worst) else ""
    return [f"Accuracy of each class, which are unequally frequent: {', '.join(told)}{rest}."]


def mean_box(train_samples: Samples, sizes: np.ndarray) -> np.ndarray:
    """The mean box of the training set in images of these sizes (N, 2): xyxy (N, 4).

    The mean of the codes (cx, cy, h, w), so it adapts to the shape of each image. It is also what an untrained box
    head answers, and the constant that minimizes the box head's L2 loss.
    """
    _refuse_nothing(len(train_samples))
    code = encode(train_samples.boxes, train_samples.sizes).mean(axis=0)
    return clip(decode(np.broadcast_to(code, (len(sizes), 4)), sizes), sizes)


def whole_frame(sizes: np.ndarray) -> np.ndarray:
    """The box around all of each image: xyxy (N, 4) for sizes (N, 2)."""
    return decode(np.broadcast_to([0.5, 0.5, 1, 1], (len(sizes), 4)), sizes)


def _baselines(samples, train_samples):
    """Scores of the answers that never look at the picture, by name."""
    frame = whole_frame(samples.sizes)
    if train_samples is None:
        scores = box_scores(frame, samples.boxes)
        return {"whole_frame": scores | {"localization_error": 1 - scores["iou50"]}}
    if tuple(train_samples.classes) != tuple(samples.classes):
        raise DataError(
            f"the training samples have classes {train_samples.classes}, these have {samples.classes}: "
            "baselines need labels that mean the same"
        )
    frequency = np.bincount(train_samples.labels, minlength=len(samples.classes))
    ranking = np.argsort(-frequency, kind="stable")
    majority, guesses = np.full(len(samples), ranking[0]), np.tile(ranking, (len(samples), 1))
    results = {}
    for name, boxes in (("mean_box", mean_box(train_samples, samples.sizes)), ("whole_frame", frame)):
        results[name] = _all_scores(majority, boxes, guesses, samples)
        del results[name]["accuracy"], results[name]["balanced_accuracy"]  # a box says nothing about the class
    blind = {"accuracy": accuracy(majority, samples.labels),
             "balanced_accuracy": balanced_accuracy(majority, samples.labels)}
    return results | {"majority_class": blind}


def _all_scores(labels, boxes, guesses, samples):
    """Every metric for answers: labels (N,), boxes (N, 4) or (N, K, 4), guesses (N, K) of classes, best first."""
    truth, rows, guesses = samples.boxes, np.arange(len(samples))[:, None], guesses[:, :MOST_GUESSES]

    def boxes_for(classes):  # (N, k) -> the boxes that go with these classes, (N, k, 4)
        chosen = boxes[rows, classes] if boxes.ndim == 3 else np.repeat(boxes[:, None], classes.shape[1], axis=1)
        return clip(chosen, samples.sizes[:, None])

    answer, given = boxes_for(labels[:, None])[:, 0], boxes_for(samples.labels[:, None])[:, 0]  # (N, 4)
    scores = {"accuracy": accuracy(labels, samples.labels),
              "balanced_accuracy": balanced_accuracy(labels, samples.labels), **box_scores(answer, truth)}
    scores["joint"] = float(((labels == samples.labels) & (iou(answer, truth) >= HIT)).mean())
    for k in (1, MOST_GUESSES):
        scores[f"error_at_{k}"] = ilsvrc_error(guesses[:, :k], boxes_for(guesses[:, :k]), samples.labels, truth)
    scores["localization_error"] = float((iou(given, truth) < HIT).mean())
    return scores


def _refuse_nothing(count):
    if count == 0:
        raise DataError("there is nothing to measure: the samples are empty, and a mean of nothing is no number")

"""What a training is made of, as the settings describe it: augmentation, mixing, class weights, loss, schedule."""

import numpy as np

from tinycnn.box_losses import BOX_LOSSES
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import resolve
from tinycnn.cli.runs import config_of, of_second, read_config
from tinycnn.data.mixing import MIXES
from tinycnn.losses import MultiTaskLoss
from tinycnn.optim import SCHEDULES
from tinycnn.pose_loss import JointMapLoss, PoseLoss


def augment_of(settings):
    """The augmentation that the settings describe, or None."""
    from tinycnn.data import Augment, PoseAugment

    kind = PoseAugment if settings["task"] == "pose" else Augment
    return {"none": lambda: None, "light": kind.light, "strong": kind.strong}[settings["augment"]]()


def mix_of(settings):
    """What mixes the training pictures, as the settings describe it, or None."""
    kind = MIXES.get(settings["mix"])
    return None if kind is None else kind() if settings["mix_alpha"] is None else kind(settings["mix_alpha"])


def class_weights(settings, train):
    """{class: its weight in the class loss} that the settings describe, or None for 1 each. train: Samples"""
    given = settings["class_weights"]
    if given is None:
        return None
    if given == "balanced":  # a class counts as much as any other, however many pictures it has
        counts = np.bincount(train.labels, minlength=len(train.classes))
        even = len(train) / max(1, np.count_nonzero(counts))
        return {name: even / int(n) if n else 1.0 for name, n in zip(train.classes, counts, strict=True)}
    found = {name.strip(): float(weight) for name, _, weight in (pair.rpartition("=") for pair in given.split(","))}
    if unknown := [name for name in found if name not in train.classes]:
        raise UsageError(f"--class-weights: there is no class {unknown[0]!r}; there are {', '.join(train.classes[:8])}"
                         + (", ..." if len(train.classes) > 8 else ""))
    return {name: found.get(name, 1.0) for name in train.classes}


def loss_of(settings, weights=None):
    """The loss that the settings describe. weights: {class: its weight}, as class_weights gives them"""
    arguments = {"beta": settings["beta"]} if settings["box_loss"] == "smooth-l1" else {}
    box_loss = BOX_LOSSES[settings["box_loss"]](**arguments)
    if settings["task"] == "pose":
        return PoseLoss(JointMapLoss() if settings["model"] == "pose-maps" else box_loss)
    smoothing, each = settings["label_smoothing"], None if weights is None else list(weights.values())
    if each is None and settings["mix"] == "none":
        return MultiTaskLoss(settings["class_weight"], settings["box_weight"], box_loss, smoothing)
    class_loss = WeightedCrossEntropy(each, smoothing)
    return MultiTaskLoss(settings["class_weight"], settings["box_weight"], box_loss, class_loss=class_loss)


def schedule_of(settings):
    """The schedule of the learning rate that the settings describe."""
    arguments = {"warmup": settings["warmup"]} if settings["schedule"] == "cosine" else {}
    return SCHEDULES[settings["schedule"]](**arguments)


def loss_of_run(model_path):
    """The loss this model was trained with, where the settings of its run lie beside it; else None."""
    config = model_path.parent / "config.json"
    if not config.exists():
        return None
    settings = resolve({}, read_config(config))
    settings = settings if settings["stages"] == 1 else of_second(settings)  # what the whole run's loss was last
    return loss_of(settings, config_of(config).get("class_weights"))

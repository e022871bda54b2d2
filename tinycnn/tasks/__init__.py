"""What a training has to know of its task, and nothing else in the library does: one object for each kind of model.

    task = task_of(model)

    task.fitting(train, valid) -> train, valid     the samples as the model counts them; refuses what does not fit
    task.check_loss(loss, name, mix)               what can be trained with; name: of the function that was called
    task.usual_loss(mix)                           the loss where none is given
    task.class_heads                               how many heads give a class
    task.prepare(train, augment, seed, loss)       what is measured once, before the first step: statistics
    task.batches(samples, batch_size, ...)         pictures ready for the network, with their answers
    task.truth(batch) -> what loss.forward compares the model's outputs with
    task.forward(images)                           what the network says of pictures on the host
    task.backward(gradient)                        what loss.backward gave, down into the model
    task.validate(valid, loss, ...) -> row         the columns of an epoch's validation
    task.evaluate(samples, train_samples, ...)     all metrics, with the answers that never look at the picture
    task.measure(samples, train_samples, ...)      the same, and the Breakdown of the answers, or None
    task.comparison_table(measured)                what evaluate gives, as a text table

`tinycnn.training` is the loop around it.
"""

from typing import Any

from tinycnn.backend import to_device
from tinycnn.classical.window import WindowDetector
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.head_samples import HeadDataset, HeadSamples
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.errors import TrainingError
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.localizer import Localizer
from tinycnn.models.multi_head import MultiHead
from tinycnn.models.pose import PoseNet
from tinycnn.tasks.cascade import PoseRefinement
from tinycnn.tasks.heads import ManyHeads
from tinycnn.tasks.localization import Localization
from tinycnn.tasks.parts import given_parts
from tinycnn.tasks.pose import PoseEstimation
from tinycnn.tasks.windows import WindowDetection
from tinycnn.text import kind

__all__ = ["TASKS", "AnyDataset", "AnySamples", "Trainable", "check_gradients", "given_parts", "task_of"]

TASKS: dict[type, Any] = {Localizer: Localization, PoseCascade: PoseRefinement, PoseNet: PoseEstimation,
                          MultiHead: ManyHeads, WindowDetector: WindowDetection}  # a PoseCascade is a PoseNet too
Trainable = Localizer | PoseNet | MultiHead
AnySamples = Samples | PoseSamples | HeadSamples
AnyDataset = Dataset | PoseDataset | HeadDataset


def task_of(model: Any, name: str = "fit") -> Any:
    """The task of a model. Raises TypeError for what is no model that can be trained."""
    for of, task in TASKS.items():
        if isinstance(model, of):
            return task(model)
    got = f"the class {model.__name__}: pass an object" if isinstance(model, type) else kind(model)
    raise TypeError(f"{name} takes a Localizer, such as tinycnn.models.localizer() makes, a PoseNet or a MultiHead, "
                    f"got {got}")


def check_gradients(task: Any, batch: Any, loss: Any, step: int) -> None:
    """Check the gradients of the whole model on four samples. TrainingError, with the report, where one is wrong."""
    from tinycnn.gradient_check import quick_check

    few = batch.first(4)
    x = task.model.normalize(to_device(few.images, task.model.device))
    report = quick_check(task.model, loss, x, task.truth(few), seed=step)
    if not report.ok:
        raise TrainingError(f"the gradients are wrong at step {step}:\n{report}")

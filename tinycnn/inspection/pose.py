"""A look into a PoseNet: how far off each joint is, which limb pulls the trunk, which pixels one joint follows."""

from pathlib import Path

import numpy as np

from tinycnn import poses
from tinycnn.backend import to_device, to_numpy
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.errors import DataError
from tinycnn.files import expect_own
from tinycnn.inspection.taps import twin
from tinycnn.models.pose import PoseNet
from tinycnn.tasks.pose import PoseEstimation

ENOUGH = 256  # people that are looked at


def joint_errors(model: PoseNet, samples: PoseSamples, train: PoseSamples) -> tuple[np.ndarray, np.ndarray]:
    """Median distance of each joint from its truth where it is visible, in torso diagonals: of the model, and of the
    mean pose of `train`; (14,) each. NaN for a joint that no sample shows.
    """
    shown = poses.windows(samples.boxes, model.margin)
    mean = poses.mean_pose(train.joints, poses.windows(train.boxes, model.margin), train.visible)
    answers = model.predict(samples.images, samples.boxes).joints
    constant = poses.decode_joints(np.broadcast_to(mean, answers.shape), shown)
    a, b = poses.TORSO_DIAGONAL
    unit = np.hypot(*(samples.joints[:, a] - samples.joints[:, b]).T)  # (N,)
    counted = samples.visible & samples.visible[:, [a, b]].all(axis=1, keepdims=True)
    found = []
    for predicted in (answers, constant):
        distance = np.hypot(*np.moveaxis(predicted - samples.joints, 2, 0)) / unit[:, None]  # (N, 14)
        found.append(np.array([np.median(distance[counted[:, j], j]) if counted[:, j].any() else np.nan
                               for j in range(distance.shape[1])]))  # fmt: skip
    return found[0], found[1]


def limb_pulls(model: PoseNet, samples: PoseSamples) -> dict[str, float]:
    """{stick: norm of the gradient at the features of the loss of its joints alone}, on `samples`: L2, or of maps.

    Backward is linear, so each limb's gradient can be sent down by itself; that of the loss is the sum of those of the
    joints.
    """
    second, task = twin(model).eval(), PoseEstimation(model)
    (batch,) = task.batches(samples, len(samples), shuffle=False, workers=0)
    targets, mask = task.truth(batch)
    features = second.trunk.forward(second.normalize(to_device(batch.images, model.device)))
    pulls = {}
    for name, ends in poses.STICKS.items():
        chosen = np.zeros(mask.shape, np.float32)
        for joint in ends[0] + ends[1]:
            chosen[:, 2 * joint : 2 * joint + 2] = 1
        loss = task.usual_loss(None)
        loss.forward(second.head.forward(features), (targets, mask * to_device(chosen, model.device)))
        gradient = to_numpy(second.head.backward(loss.backward()))
        pulls[name] = float(np.sqrt((gradient.astype(np.float64) ** 2).sum()))
    return pulls


def saliency_of(model: PoseNet, image: np.ndarray, joint: int) -> tuple[np.ndarray, np.ndarray]:
    """How strongly each pixel of one network input (S, S, 3) uint8 moves a joint: (S, S), and where it is said to be.

    The norm over channels and over x and y of d(coordinate) / d(pixel), in window sides for each gray level. Of a map,
    the coordinate is the mean of all places, each as likely as softmax says.
    """
    second = twin(model).eval()
    x = second.normalize(to_device(image[None], model.device))
    total, std = np.zeros(image.shape[:2]), to_numpy(model.joint_statistics.value)[1]
    for axis in range(2):
        y = second.forward(x)
        dy = np.zeros(y.shape, np.float32)
        if model.map_size:
            dy[0, :, :, joint] = _slope(to_numpy(y)[0, :, :, joint], axis)
        else:
            dy[0, 2 * joint + axis] = std[2 * joint + axis]
        dx = to_numpy(second.backward(to_device(dy, model.device), input_gradient=True))[0]
        total += ((dx / np.asarray(model.pixel_scale)) ** 2).sum(axis=2)
    with second.predicting():
        place = second.answer(x)[0, joint]
    return np.sqrt(total), (place + 0.5) * model.image_size - 0.5


def _slope(scores, axis):
    """d(mean place) / d(scores), (R, R): how likely a place is, times how far it is from the mean. axis: 0 is x"""
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    middles = (np.arange(len(scores)) + 0.5) / len(scores) - 0.5
    places = middles if axis == 0 else middles[:, None]  # they broadcast to (R, R)
    return likely * (places - (likely * places).sum())


def pose_picture(model: PoseNet, data: PoseDataset, out: str | Path, joint: str = "right wrist") -> str:
    """Write poses.png into the folder `out`; returns sentences: the best and worst joint, the strongest limb, the file.
    """
    from tinycnn import plots
    from tinycnn.plots.look import MARK
    from tinycnn.plots.skeletons import pose_report

    path = Path(out) / "poses.png"
    expect_own(path, MARK)
    unseen = next((part for part in (data.test, data.valid) if len(part)), None)
    if unseen is None or not len(data.train):
        raise DataError("to look into a pose model takes training pictures, and some that it has not learned from")
    some = unseen.subset(slice(0, ENOUGH))
    errors, baseline = joint_errors(model, some, data.train)
    pulls, number = limb_pulls(model, some.subset(slice(0, 64))), poses.JOINTS.index(joint)
    first = int(np.flatnonzero(some.visible[:, number])[0]) if some.visible[:, number].any() else 0
    (batch,) = PoseEstimation(model).batches(some.subset([first]), 1, shuffle=False, workers=0)
    saliency, place = saliency_of(model, batch.images[0], number)
    path.parent.mkdir(parents=True, exist_ok=True)
    plots.save(pose_report(errors, baseline, pulls, batch.images[0], saliency, joint, place), path)
    worst, best = int(np.nanargmax(errors)), int(np.nanargmin(errors))
    strongest = max(pulls, key=lambda name: pulls[name])
    return (f"{len(some)} people: nearest is the {poses.JOINTS[best]}, {errors[best]:.2f} torso diagonals off, "
            f"furthest the {poses.JOINTS[worst]}, {errors[worst]:.2f}. The {strongest} pulls the trunk hardest.\n"
            f"The picture: {path}")

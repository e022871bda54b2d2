"""Beginning with a trunk that has learned before: on other classes, on drawn scenes, or elsewhere.

    taken = tc.models.initialize(model, "runs/scenes-1")           a run, or its model.npz
    taken = tc.models.initialize(model, "alexnet.safetensors")     AlexNet as torchvision publishes it

What an image looks like from its edges up is much the same for every task, and that is what a trunk knows. So the trunk
is taken whole, or not at all; a head is taken where it answers the same question: the box head where its shape is the
same, the class head where the classes are. Classes are compared by name: where the same ones stand in another order,
the outputs are brought into the model's. The statistics of boxes or joints are left to `fit`, which measures them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import CheckpointError, require
from tinycnn.models.base import PictureModel
from tinycnn.models.torch_files import is_torch_file, read_torch
from tinycnn.models.weights import load

PUBLISHED = (".safetensors", ".pth", ".pt")
# torchvision's AlexNet: the number of each layer in `features` and `classifier`, and our name for it.
TORCHVISION = {
    "features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4", "features.10": "conv5",
    "classifier.1": "fc6", "classifier.4": "fc7",
}  # fmt: skip
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of pixels 0..1, as torchvision has them


class Beginning(NamedTuple):
    """What a model began with. path: of the weights    taken, anew: names of its parameters    why: of those anew"""

    path: Path
    taken: list[str]
    anew: list[str]
    why: str

    def told(self) -> str:
        """A sentence for people, which names what was taken and what begins anew."""
        every = len(self.taken) + len(self.anew)
        anew = f"; {', '.join(_in_short(self.anew, self.taken))} anew" if self.anew else ""
        return (f"{len(self.taken)} of {every} arrays of weights begin as in {self.path} "
                f"({', '.join(_in_short(self.taken, self.anew))}){anew}" + (f": {self.why}" if self.why else ""))


def initialize(model: PictureModel, path: str | Path) -> list[str]:
    """Copy into `model` what it can use of a file's weights; returns the names of the parameters that were taken.

    path: a run's folder or model.npz; or AlexNet's published weights, for alexnet_localizer(variant="one-gpu"): a
    .safetensors file, read by the safetensors package, or a .pth, read without running what is in it

    Raises CheckpointError, and changes nothing, when the trunk is another one than the model's.
    """
    return begin(model, path).taken


def begin(model: PictureModel, path: str | Path) -> Beginning:
    """As `initialize`, and returns a Beginning, which can say what was taken and why the rest was not."""
    path, why = Path(path), ""
    pixels: tuple[Any, Any]
    if path.suffix.lower() in PUBLISHED:
        given, pixels = _published(read_arrays(path), path), imagenet_pixels()
    else:
        earlier = load(path / "model.npz" if path.is_dir() else path)
        given = {name: to_numpy(held.value) for name, held in _numbers(earlier).items()
                 if name not in ("box_statistics", "joint_statistics")}  # fmt: skip
        given, why = _by_class_name(given, earlier, model)
        pixels = earlier.pixel_mean, earlier.pixel_scale
    own = _numbers(model)
    taken = [name for name, held in own.items() if name in given and given[name].shape == held.value.shape]
    others = [name for name in own if name.startswith("trunk.") and name not in taken]
    if others:
        name, theirs = others[0], given.get(others[0])
        there = "nothing of that name" if theirs is None else f"one of shape {theirs.shape}"
        raise CheckpointError(
            f"{path} holds the weights of another trunk than that of {model!r}: {name} has shape "
            f"{own[name].value.shape} here, and there is {there}. Build the model that the weights are from."
        )
    if not taken:
        raise CheckpointError(f"{path} holds nothing that {model!r} could begin with: no name and shape is the same")
    numbers = {name: as_weights(given[name], own[name].value.dtype, f"{path}: {name}") for name in taken}
    model.pixel_mean, model.pixel_scale = pixels
    for name, array in numbers.items():
        own[name].value = to_device(array, model.device)
    parameters = model.parameters()
    return Beginning(path, [name for name in taken if name in parameters],
                     [name for name in parameters if name not in taken], why)


def as_weights(array: np.ndarray, dtype: Any, name: str) -> np.ndarray:
    """The same numbers in the dtype of a model's weights, row by row in memory.

    Raises CheckpointError for what is no number there, NaN and infinity above all.
    """
    if array.dtype.kind not in "fiub":
        raise CheckpointError(f"{name} is of {array.dtype}: weights are real numbers")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, dtype)
    wrong = int((~np.isfinite(found)).sum())
    if wrong:
        raise CheckpointError(f"{name}: {wrong:,} of {found.size:,} weights are NaN or infinite as {found.dtype}: the "
                              "training that they are from went wrong. Use those of an earlier epoch")
    return found


def _by_class_name(given, earlier, model):
    """(given, a phrase): outputs of the same classes in the model's order; those of other classes are left out."""
    theirs, ours = getattr(earlier, "classes", None), getattr(model, "classes", None)
    if theirs == ours:
        return given, ""
    heads = ["class_head"] if theirs else []
    if getattr(earlier, "per_class_boxes", False):
        heads.append("box_head")
    outputs = {name for head in heads for name in _outputs(earlier, head)}
    if not theirs or not ours or set(theirs) != set(ours):
        kept = {name: array for name, array in given.items()
                if name not in outputs and not name.startswith("class_head.")}  # fmt: skip
        return kept, f"the classes are others (there {_few(theirs)}; here {_few(ours)})" if theirs and ours else ""
    order = [theirs.index(name) for name in ours]
    ordered = {}
    for name in outputs:  # (..., K), or for boxes (..., K * 4): what belongs to one class lies together
        shape = given[name].shape
        ordered[name] = given[name].reshape(*shape[:-1], len(theirs), -1)[..., order, :].reshape(shape)
    return given | ordered, "outputs were brought from the order of its classes into this one"


def _outputs(model, head):
    """Names of the parameters of a head's last layer that has some: their last axis are the outputs."""
    layers = [layer for layer in getattr(model, head).tree() if layer.parameters() and not layer.children()]
    last = {id(held) for held in layers[-1].parameters().values()} if layers else ()
    return [name for name, held in model.parameters().items() if id(held) in last]


def _few(names):
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _in_short(names, others):
    """trunk for all that begins with trunk., where none of the others does; else one by one."""
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(name.partition(".")[0], []).append(name)
    return [shown for part, members in parts.items()
            for shown in ([part] if not any(name.startswith(f"{part}.") for name in others) else members)]


def _numbers(model):
    return model.parameters() | model.buffers()


def _published(state, path):
    """Weights by our names, arranged as ours: convolutions (KH, KW, C, F), and fc6 for a map flattened as (H, W, C)."""
    given = {}
    for theirs, ours in TORCHVISION.items():
        w, b = state.get(f"{theirs}.weight"), state.get(f"{theirs}.bias")
        if w is None or b is None or w.ndim != (4 if ours.startswith("conv") else 2):
            raise CheckpointError(f"{path} is not AlexNet as torchvision has it: {theirs}.weight is not there, or of "
                                  f"another kind. It begins with {', '.join(map(str, list(state)[:3]))}")
        if ours == "fc6" and w.shape[1] % 36 == 0:
            w = w.reshape(len(w), -1, 6, 6).transpose(0, 2, 3, 1).reshape(len(w), -1)  # (F, C, H, W) -> (F, H, W, C)
        given[f"trunk.{ours}.w"] = w.transpose(2, 3, 1, 0) if w.ndim == 4 else w.T
        given[f"trunk.{ours}.b"] = b
    return given


def imagenet_pixels() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What is taken from a pixel 0..255 of each channel, and what it is then divided by."""
    return tuple(255 * m for m in IMAGENET_MEAN), tuple(255 * s for s in IMAGENET_STD)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a file of weights that others have written: .npz, .safetensors, or PyTorch's .pth."""
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    if path.suffix.lower() == ".safetensors":
        reader = require("safetensors.numpy", extra="weights")
        try:
            return reader.load_file(path)
        except Exception as error:  # the package has an error class of its own, in a module it calls private
            raise CheckpointError(f"{path} is not a whole safetensors file ({error})") from error
    if path.suffix.lower() == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except Exception as error:
            raise CheckpointError(f"{path} is not a whole .npz of arrays ({error})") from error
    if is_torch_file(path):
        return read_torch(path)
    torch = require("torch", extra="torch")  # a file of before 2020
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # refuses whatever is not numbers
        return {name: tensor.numpy() for name, tensor in state.items()}
    except Exception as error:
        # PyTorch's own words advise to read it in a way that runs what is inside.
        raise CheckpointError(f"{path} is not a file of PyTorch weights alone: damaged, something else, or with more "
                              "in it than arrays, which is never run. Save model.state_dict() by itself") from error

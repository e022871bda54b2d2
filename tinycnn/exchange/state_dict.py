"""Weights into a model by PyTorch's names or in PyTorch's order, from a file or a dictionary; PyTorch is not needed."""

from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.backend import Shape, device_of, to_device
from tinycnn.errors import CheckpointError
from tinycnn.exchange.arrangement import Place, places
from tinycnn.layers import Layer
from tinycnn.models.base import PictureModel
from tinycnn.models.transfer import as_weights, imagenet_pixels, read_arrays
from tinycnn.text import kind

TORCHVISION_ALEXNET = {"features.0.weight": (64, 3, 11, 11), "classifier.1.weight": (4096, 9216)}
ROLES = ("weight", "bias", "running_mean", "running_var")  # as PyTorch ends the names of a layer's arrays
COUNTER = "num_batches_tracked"  # BatchNorm2d of PyTorch counts batches


def to_torch(model: Layer, input_shape: Shape | None = None) -> Any:
    """A PyTorch network, an nn.Module, with the same layers, names and weights, on the CPU.

    It takes what model.forward takes, with channels first, and gives the same: of a Localizer scores and standardized
    boxes. Its parameters have the names of the model's, with weight and bias for w and b.
    input_shape: (H, W, C) of one input, for a network of your own with a Flatten

    Needs the package torch. Raises TypeError for a layer that has no counterpart, such as one of your own.
    """
    from tinycnn.exchange.torch_network import network

    return network(model, input_shape)


def load_state_dict(model: Layer, source: Any, input_shape: Shape | None = None,
                    imagenet: bool | None = None) -> dict[str, str]:
    """Give `model` weights that PyTorch has; returns {our name: PyTorch's} of what was taken.

    source: a .pth of a state_dict, read without PyTorch and without running what is in it; a .safetensors or .npz
        file; or a dictionary of arrays or tensors
    input_shape: (H, W, C) of one input, for a network of your own with a Flatten
    imagenet: whether pixels are to be normalized as torchvision does it, which is then kept with the model; None: for
        AlexNet as torchvision publishes it, of which alexnet_localizer(1000, variant="one-gpu") takes all

    Arrays are found by name where the names are those of `to_torch`. Otherwise all must come in the order of the
    model's layers, each of the shape that is needed; the box head of a Localizer may be left out.
    Raises CheckpointError, and changes nothing, where they do not fit.
    """
    state = _arrays(source)
    fitting = _by_name(model, state, input_shape) or _in_order(model, state, input_shape, source)
    values = [(place, name, as_weights(place.back(state[name]), place.held.value.dtype, name))
              for place, name in fitting]  # fmt: skip
    if imagenet is None:
        imagenet = all(name in state and state[name].shape == shape for name, shape in TORCHVISION_ALEXNET.items())
    for place, _, value in values:
        held = place.held.value
        place.held.value = to_device(value, device_of(held))
    if imagenet and isinstance(model, PictureModel):
        model.pixel_mean, model.pixel_scale = imagenet_pixels()
    return {place.own: name for place, name, _ in values}


def _arrays(source):
    """{name: array on the host} without counters, and without the prefix of a network that several GPUs trained."""
    if isinstance(source, str | Path):
        state = read_arrays(Path(source))
    elif isinstance(source, dict):
        state = {name: _on_host(value, name) for name, value in source.items()}
    else:
        raise TypeError(f"load_state_dict takes the path of a file, or a dictionary of arrays, got {kind(source)}")
    prefix = "module." if all(name.startswith("module.") for name in state) else ""
    return {name.removeprefix(prefix): value for name, value in state.items() if not name.endswith(COUNTER)}


def _on_host(value, name):
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    if not isinstance(value, np.ndarray):
        raise TypeError(f"load_state_dict: {name!r} must be an array, got {kind(value)}")
    return value


def _wanted(model, input_shape):
    """The places that a state_dict has: statistics of boxes and joints are the model's own."""
    return [place for place in places(model, input_shape) if "statistics" not in place.own]


def _by_name(model, state, input_shape):
    """[(place, name)] where the names are the model's; None where they are others."""
    wanted = _wanted(model, input_shape)
    if {place.name for place in wanted} != set(state):
        return None
    wrong = [place for place in wanted if place.shape != state[place.name].shape]
    if wrong:
        raise CheckpointError(_misfit(wrong[0], wrong[0].name, state))
    return [(place, place.name) for place in wanted]


def _in_order(model, state, input_shape, source):
    wanted, names = _wanted(model, input_shape), list(state)
    if len(names) < len(wanted):
        wanted = [place for place in wanted if not place.own.startswith("box_head.")]
    for place, name in zip(wanted, names, strict=False):
        if place.shape != state[name].shape:
            raise CheckpointError(_misfit(place, name, state))
        (ours, theirs) = (each.rpartition(".")[2] for each in (place.name, name))
        if theirs in ROLES and ours != theirs:
            raise CheckpointError(
                f"{name} comes where {place.own} of the model is expected: the arrays stand in another order, or are "
                "those of another network. A file that sorts its names, as safetensors does, must have the model's own "
                "names: those of tc.to_torch(model).state_dict()")
    if len(names) != len(wanted):
        whole = source if isinstance(source, str | Path) else "the dictionary"
        raise CheckpointError(f"{whole} has {len(names)} arrays, and {model!r} needs {len(wanted)}: they are those of "
                              "another network" + (f". They are called {', '.join(names[:3])} ..." if names else ""))
    return list(zip(wanted, names, strict=True))


def _misfit(place: Place, name: str, state: dict[str, np.ndarray]) -> str:
    head = " For other classes load all first, then model.replace_head(...)." if "head" in place.own else ""
    return (f"{name} has shape {state[name].shape}, and {place.own} of the model is {place.shape} in PyTorch's order: "
            f"the weights are those of another network.{head}")

"""The networks that have a name: files, commands and benchmarks build them by it, and all take the names from here."""

import inspect
from collections.abc import Callable
from typing import Any

from tinycnn.classical.haar import haar
from tinycnn.classical.hog_svm import hog_svm
from tinycnn.models.alexnet import alexnet_localizer
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.hog import hog_localizer
from tinycnn.models.localizer import localizer
from tinycnn.models.multi_head import multi_head
from tinycnn.models.pose import pose_alexnet, pose_plain, pose_resnet
from tinycnn.models.pose_maps import pose_maps
from tinycnn.models.resnet import resnet_localizer

ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "localizer": localizer, "resnet": resnet_localizer, "alexnet": alexnet_localizer,
    "hog-heads": hog_localizer, "hog-svm": hog_svm, "haar": haar,
    "pose": pose_resnet, "pose-alexnet": pose_alexnet, "pose-plain": pose_plain, "pose-maps": pose_maps,
    "multi-head": multi_head,
}  # fmt: skip


def build(config: dict[str, Any]) -> Any:
    """The network that `config` describes: {"architecture": name, ...keyword arguments of its function}."""
    arguments = dict(config)
    if arguments["architecture"] == "pose-cascade":
        stages = build(arguments["stage_1"]), build(arguments["stage_2"])
        stages[0].mirror = arguments["mirror"]
        return PoseCascade(*stages, zoom=arguments["zoom"])
    return ARCHITECTURES[arguments.pop("architecture")](**arguments)


def defaults(architecture: str) -> dict[str, Any]:
    """{keyword argument: default} of the function that builds `architecture`."""
    return {name: each.default for name, each in inspect.signature(ARCHITECTURES[architecture]).parameters.items()}

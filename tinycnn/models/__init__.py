"""Networks made of the layers: the small localizer, AlexNet, and their files."""

from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose
from tinycnn.models.localizer import Localizer, Prediction, localizer, softmax

ARCHITECTURES = {"localizer": localizer, "alexnet": alexnet_localizer}


def build(config):
    """The network that `config` describes: {"architecture": name, ...keyword arguments of its function}."""
    arguments = dict(config)
    return ARCHITECTURES[arguments.pop("architecture")](**arguments)


__all__ = ["ARCHITECTURES", "Localizer", "Prediction", "alexnet_localizer", "alexnet_pose", "build", "localizer",
           "softmax"]

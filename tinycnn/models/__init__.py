"""Networks made of the layers: the small localizer, AlexNet, and their files."""

from tinycnn.models.localizer import Localizer, Prediction, localizer, softmax

ARCHITECTURES = {"localizer": localizer}


def build(config):
    """The network that `config` describes: {"architecture": name, ...keyword arguments of its function}."""
    arguments = dict(config)
    return ARCHITECTURES[arguments.pop("architecture")](**arguments)


__all__ = ["ARCHITECTURES", "Localizer", "Prediction", "build", "localizer", "softmax"]

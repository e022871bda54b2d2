"""Networks made of the layers: the small localizer, AlexNet, and their files."""

from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose
from tinycnn.models.architectures import ARCHITECTURES, build
from tinycnn.models.localizer import Localizer, Prediction, localizer, softmax

__all__ = ["ARCHITECTURES", "Localizer", "Prediction", "alexnet_localizer", "alexnet_pose", "build", "localizer",
           "softmax"]

"""Networks made of the layers: the small localizer, its residual successor, AlexNet, and their files."""

from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose
from tinycnn.models.architectures import ARCHITECTURES, build
from tinycnn.models.localizer import Localizer, Prediction, localizer, softmax
from tinycnn.models.resnet import resnet_localizer
from tinycnn.models.transfer import initialize

__all__ = ["ARCHITECTURES", "Localizer", "Prediction", "alexnet_localizer", "alexnet_pose", "build", "initialize",
           "localizer", "resnet_localizer", "softmax"]

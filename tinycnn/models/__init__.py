"""Networks made of the layers: the small localizer, its residual successor, AlexNet, human pose, and their files."""

from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose
from tinycnn.models.architectures import ARCHITECTURES, build
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.hog import hog_localizer
from tinycnn.models.localizer import Localizer, Prediction, localizer, softmax
from tinycnn.models.multi_head import MultiHead, multi_head
from tinycnn.models.named_heads import BoxHead, ClassHead, Head, NumbersHead, PointsHead
from tinycnn.models.pose import PoseNet, PosePrediction, pose_alexnet, pose_plain, pose_resnet
from tinycnn.models.pose_maps import pose_maps
from tinycnn.models.resnet import resnet_localizer
from tinycnn.models.transfer import initialize

__all__ = ["ARCHITECTURES", "BoxHead", "ClassHead", "Head", "Localizer", "MultiHead", "NumbersHead", "PointsHead",
           "PoseCascade", "PoseNet", "PosePrediction", "Prediction", "alexnet_localizer", "alexnet_pose", "build",
           "hog_localizer", "initialize", "localizer", "multi_head", "pose_alexnet", "pose_maps", "pose_plain",
           "pose_resnet", "resnet_localizer", "softmax"]

"""The slow, obvious version of everything: nested loops, exactly as the formulas read.

This folder is the specification. The fast layers are tested against it on random geometry, and it is the place to look
when a formula seems mysterious: nothing here is clever, and every number is computed by a line that you can point at.

A backward is read off its forward. Wherever the forward says

    y += x * w

a small change of x changes y by w times as much, and the other way round, so the backward says

    dx += dy * w
    dw += dy * x

in the same loops. It adds (+=) because one x may help to make many y: each of them sends its share of the blame.

Arrays are channels last: images x (N, H, W, C), kernels w (KH, KW, C // groups, F). Results have the dtype of x.
kernel_size, stride and padding are an integer or a pair (height, width), as in tinycnn.layers.
"""

from tinycnn.reference.hog import hog
from tinycnn.reference.linear import linear, linear_backward
from tinycnn.reference.losses import (
    hinge_loss,
    hinge_loss_backward,
    l2_loss,
    l2_loss_backward,
    multiclass_hinge_loss,
    multiclass_hinge_loss_backward,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    weighted_cross_entropy,
    weighted_cross_entropy_backward,
)
from tinycnn.reference.normalization import (
    batch_norm,
    batch_norm_backward,
    local_response_norm,
    local_response_norm_backward,
)
from tinycnn.reference.windows import (
    avg_pool2d,
    avg_pool2d_backward,
    conv2d,
    conv2d_backward,
    max_pool2d,
    max_pool2d_backward,
    upsample2d,
    upsample2d_backward,
)

__all__ = [
    "avg_pool2d", "avg_pool2d_backward", "batch_norm", "batch_norm_backward", "conv2d", "conv2d_backward",
    "hinge_loss", "hinge_loss_backward", "hog", "l2_loss", "l2_loss_backward", "linear", "linear_backward",
    "local_response_norm", "local_response_norm_backward", "max_pool2d", "max_pool2d_backward",
    "multiclass_hinge_loss", "multiclass_hinge_loss_backward", "softmax", "softmax_cross_entropy",
    "softmax_cross_entropy_backward", "upsample2d", "upsample2d_backward", "weighted_cross_entropy",
    "weighted_cross_entropy_backward",
]

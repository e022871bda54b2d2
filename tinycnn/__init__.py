"""tinycnn: a from-scratch NumPy library whose hand-written layers build a two-headed localizer.

    import tinycnn as tc

    data = tc.data.scenes(n=4000, image_size=64, seed=0)
    model = tc.models.localizer(num_classes=len(data.classes))
    tc.fit(model, data.train, data.valid, epochs=10, out="runs/first")
    model.predict(data.test.images[:6])

Only NumPy is needed. Everything else (Pillow, matplotlib, CuPy ...) is imported where it is used.
"""

import importlib
from typing import TYPE_CHECKING

from tinycnn import backend, box_losses, boxes, class_losses, data, layers, losses, models, optim
from tinycnn.errors import TinyCNNError
from tinycnn.lazy import lazy
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models.weights import load, save
from tinycnn.version import __version__

# Loaded at first use, so that `import tinycnn` stays quick: name -> module that defines it, or None for a module.
_LATER = {
    "metrics": None, "plots": None, "inspection": None, "reference": None, "simulated": None, "course": None,
    "fit": "tinycnn.training", "evaluate": "tinycnn.training",
    "gradcheck": "tinycnn.gradient_check", "summary": "tinycnn.inspection.summary",
    "trace": "tinycnn.inspection.trace", "diagnose": "tinycnn.inspection.diagnosis",
    "explain_conv": "tinycnn.inspection.explain", "explore": "tinycnn.explorer",
    "load_state_dict": "tinycnn.exchange.state_dict", "to_torch": "tinycnn.exchange.state_dict",
    "to_onnx": "tinycnn.exchange.onnx_file", "HeadLosses": "tinycnn.head_losses",
    "lr_find": "tinycnn.range_test", "mistakes": "tinycnn.inspection.answers",
    "show_batch": "tinycnn.inspection.answers",
}

if TYPE_CHECKING:  # the same names for a type checker, which runs nothing
    from tinycnn import course, inspection, metrics, plots, reference, simulated
    from tinycnn.exchange.onnx_file import to_onnx
    from tinycnn.exchange.state_dict import load_state_dict, to_torch
    from tinycnn.explorer import explore
    from tinycnn.gradient_check import gradcheck
    from tinycnn.head_losses import HeadLosses
    from tinycnn.inspection.answers import mistakes, show_batch
    from tinycnn.inspection.diagnosis import diagnose
    from tinycnn.inspection.explain import explain_conv
    from tinycnn.inspection.summary import summary
    from tinycnn.inspection.trace import trace
    from tinycnn.range_test import lr_find
    from tinycnn.training import evaluate, fit
else:
    __getattr__, __dir__ = lazy(__name__, _LATER)

backend.register_device("simulated", lambda: importlib.import_module("tinycnn.simulated").SimulatedDevice())

__all__ = [
    "HeadLosses", "L2Loss", "MultiTaskLoss", "SoftmaxCrossEntropy", "TinyCNNError", "__version__", "backend",
    "box_losses", "boxes", "class_losses", "course", "data", "diagnose", "evaluate", "explain_conv", "explore",
    "fit", "gradcheck", "inspection", "layers", "load", "load_state_dict", "losses", "lr_find", "metrics",
    "mistakes", "models", "optim", "plots", "reference", "save", "show_batch", "simulated", "summary", "to_onnx",
    "to_torch", "trace",
]  # written out, since type checkers read it

"""ONNX Runtime doing the same work: the network as an ONNX file, with the same weights and batch. It predicts only.

It is measured as people use it: a session with all its optimizations, on as many threads as tinycnn. The batch has
channels first, as ONNX wants it, and the answers are the network's own, scores and standardized boxes: neither side
normalizes pixels or takes a softmax.
"""

from tinycnn.bench.sides import Side
from tinycnn.engine import thread_count
from tinycnn.errors import DeviceError, MissingExtra
from tinycnn.exchange.onnx_file import FIRST, Graph

try:
    import onnx
    import onnxruntime
except ImportError as error:
    raise MissingExtra(
        f"comparing with ONNX Runtime needs two packages, and one could not be imported ({error}). Install them with: "
        "pip install onnx onnxruntime    Without --against onnxruntime the rest is measured."
    ) from error

FAMILY = "ONNX Runtime"


class OnnxRuntime(Side):
    """Predictions of a workload by ONNX Runtime on the host."""

    name = FAMILY

    def __init__(self, workload, device="cpu"):
        if device.startswith("cuda"):
            raise DeviceError("tinycnn bench measures ONNX Runtime on the host alone: leave --device cuda away")
        model = workload.model()
        self.images, self.image_size = workload.batch, model.image_size
        self.x = workload.numbers(model)[0].transpose(FIRST).copy()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        self.session = onnxruntime.InferenceSession(_file(model), options, providers=["CPUExecutionProvider"])

    def step(self):
        return self.session.run(None, {"x": self.x})

    def answers(self, steps=3):
        """As those of the tinycnn side."""
        return dict(zip(("scores", "boxes"), self.step(), strict=True))


def _file(model):
    """The bytes of an ONNX file from x (N, 3, S, S) to scores and standardized boxes."""
    graph = Graph(onnx)
    features = graph.layer(model.trunk, ("x", True))
    scores, boxes = (graph.last(graph.layer(head, features)) for head in (model.class_head, model.box_head))
    outputs = {"scores": (scores, (len(model.classes),)), "boxes": (boxes, (4,))}
    return graph.file("localizer", {"x": (3, model.image_size, model.image_size)}, outputs).SerializeToString()


def forms(kind, against):
    """The one way in which it runs a workload."""
    return [{}]


def name_of():
    """What it is called in the tables."""
    return FAMILY


def versions():
    """What is told of it beside the machine."""
    return {"onnxruntime": onnxruntime.__version__, "onnxruntime_threads": thread_count()}


side = OnnxRuntime

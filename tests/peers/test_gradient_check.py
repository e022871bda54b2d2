"""What the gradient checker measures, compared with the gradients of PyTorch's autograd in double precision."""

import numpy as np
import pytest

from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


def test_measured_gradients_are_those_of_autograd():
    rng = np.random.default_rng(0)
    network = Sequential(Conv2d(2, 3, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), Flatten(), Linear(18, 4, rng=rng))
    network.astype("float64")
    for parameter in network.parameters().values():
        parameter.value += rng.standard_normal(parameter.value.shape) * 0.1  # no zeros, which the checker would replace
    x, dy = rng.standard_normal((2, 6, 4, 2)), rng.standard_normal((2, 4))
    tensors = {name: torch.tensor(p.value, requires_grad=True) for name, p in network.parameters().items()}
    tensors["x"] = torch.tensor(x, requires_grad=True)
    pictures, kernel = tensors["x"].permute(0, 3, 1, 2), tensors["conv1.w"].permute(3, 2, 0, 1)
    y = torch.conv2d(pictures, kernel, tensors["conv1.b"], padding=1)
    y = torch.max_pool2d(torch.relu(y), 2).permute(0, 2, 3, 1).reshape(2, -1)
    (y @ tensors["fc1.w"] + tensors["fc1.b"]).backward(torch.tensor(dy))
    report = gradcheck(network, x, dy=dy, mode="elementwise", invariants=False)
    assert report.ok, report
    for tensor in report.tensors:
        e, expected = tensor.elements, tensors[tensor.name].grad.numpy()
        settled = [i for i, state in enumerate(e.states) if state == "ok"]
        assert len(settled) >= 0.9 * expected.size
        difference = [e.numeric[i] - expected[e.indices[i]] for i in settled]
        assert max(map(abs, difference)) < 1e-9 * abs(expected).max()

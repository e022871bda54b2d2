"""Who computes: a Side can take a step, wait until it is really done, and say what it computed.

tinycnn is one side, and a peer the other (peers.py). The clock runs here, in the same few lines for both.
"""

import time

import numpy as np

from tinycnn.backend import array_module, device_of, synchronize, to_device, to_numpy
from tinycnn.losses import MultiTaskLoss
from tinycnn.optim import SGD


class Side:
    """One contestant. `name` stands in the tables; `images` is how many pictures one step takes."""

    name, images = "", 1
    counts = True  # whether a ratio is taken against it

    def step(self):
        """One unit of work; may return before a GPU has finished it."""
        raise NotImplementedError

    def wait(self):
        """Return when everything asked for is done."""

    def warm_up(self):
        """What is slow the first time: memory is asked for, threads start, a library chooses its algorithm."""
        self.sample(2)

    def sample(self, steps):
        """Seconds for one step, from the clock around `steps` of them."""
        self.wait()
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.wait()
        return (time.perf_counter() - start) / steps

    def pool_bytes(self):
        """The most GPU memory that the side's own pool has held; None on the CPU."""
        return None

    def close(self):
        """Give back what the side holds outside this process."""


class TinyCNN(Side):
    """Training steps or predictions of a workload by tinycnn on a device."""

    name = "tinycnn"

    def __init__(self, workload, device="cpu"):
        self.model = workload.model()
        self.images, self.training = workload.batch, workload.kind == "training"
        x, self.labels, targets = workload.numbers(self.model)
        self.model.to(device).train(self.training)
        self.x, self.targets = to_device(x, device), to_device(targets, device)
        self.image_size = self.model.image_size
        self.loss, self.optimizer = MultiTaskLoss(), SGD(self.model, **workload.optimizer)

    def step(self):
        if not self.training:
            with self.model.predicting():
                return self.model.forward(self.x)
        value = self.backward()
        self.optimizer.step()
        return value

    def backward(self):
        """All of a training step but the optimizer's, which uses the gradients up."""
        value = self.loss.forward(self.model.forward(self.x), (self.labels, self.targets))
        self.model.backward(*self.loss.backward())
        return value

    def wait(self):
        synchronize(self.x)

    def pool_bytes(self):
        if not device_of(self.x).startswith("cuda"):
            return None
        # CuPy's pool keeps what it was given, so what it holds at the end is the most it ever held.
        return int(array_module(self.x).get_default_memory_pool().total_bytes())

    def answers(self, steps=3):
        """What it computes, without dropout: the losses of its next training steps and the norm of each gradient in
        the first, or the outputs of a prediction.

        A later loss is right only if the optimizer before it was. Norms do not depend on how the weights are arranged.
        """
        self.model.eval()  # only Dropout computes differently then, so training steps can be taken as well
        try:
            if self.training:
                losses, gradients = [float(to_numpy(self.backward()))], self.gradient_norms()
                self.optimizer.step()
                losses += [float(to_numpy(self.step())) for _ in range(steps - 1)]
                return {"losses": losses, "gradients": gradients}
            return dict(zip(("scores", "boxes"), map(to_numpy, self.step()), strict=True))
        finally:
            self.model.train(self.training)

    def gradient_norms(self):
        """The norm of each parameter's gradient, added up in float64: AlexNet's fc6 has 38 million numbers."""
        gradients = [to_numpy(parameter.grad) for parameter in self.model.parameters().values()]
        return [float(np.square(grad).sum(dtype=np.float64)) ** 0.5 for grad in gradients]

"""What is measured: five jobs, each a network, a batch, and what is done with it.

A training step is forward, both losses, backward and SGD with momentum and weight decay. The batch is noise drawn from
a seed, ready on the device: reading pictures belongs to workload E alone.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np

from tinycnn.errors import DataError
from tinycnn.inspection.summary import summary
from tinycnn.models import build


@dataclass(frozen=True)
class Workload:
    """One job, in plain values, so that it can travel to another process.

    key, title: for people    network: what tinycnn.models.build takes    kind: "training", "inference" or "epoch"
    batch: pictures in a step    repeats: how often it is measured, unless someone says otherwise
    lr: small enough for the losses to stay finite, however many steps are taken on the one batch
    data: the folder that an epoch reads    workers: background threads (PyTorch: processes) that prepare its batches
    """

    key: str
    title: str
    network: dict
    kind: str
    batch: int
    repeats: int = 15
    lr: float = 0.01
    data: str | None = None
    workers: int = 1

    def model(self):
        """The network with its initial weights; every call gives the same ones."""
        return build(self.network)

    def numbers(self, model):
        """The batch on the host: x (N, S, S, 3) float32, labels (N,), standardized box targets (N, 4)."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (self.batch, model.image_size, model.image_size, 3), dtype=np.uint8)
        labels = rng.integers(0, len(model.classes), self.batch)
        return model.normalize(images), labels, rng.standard_normal((self.batch, 4), dtype=np.float32)

    def with_batch(self, batch):
        """The same job with another batch."""
        return replace(self, batch=batch)

    def with_image_size(self, side):
        """The same job on images of another size; its fully connected layer grows with their area."""
        if self.network["architecture"] == "alexnet":
            raise DataError("AlexNet takes images of one size only: measure another workload")
        return replace(self, network=self.network | {"image_size": side})

    @property
    def optimizer(self):
        """The arguments of SGD, here and in PyTorch."""
        return {"lr": self.lr, "momentum": 0.9, "weight_decay": 5e-4}

    def to_dict(self):
        """Plain values; Workload(**values) makes it again."""
        return asdict(self)


def _localizer(**arguments):
    return {"architecture": "localizer", **arguments}


SMALL = _localizer(channels=[16, 32, 64, 128], hidden=256)
WORKLOADS = (
    Workload("A", "training step, conv 3x3 16-32-64-128, hidden 256, 64 x 64", SMALL, "training", 64),
    Workload("B", "training step, localizer() 32-64-128-256, hidden 512, 64 x 64", _localizer(), "training", 64),
    Workload("C", "training step, alexnet_localizer(1000), 227 x 227",
             {"architecture": "alexnet", "num_classes": 1000}, "training", 16, repeats=9, lr=1e-5),
    Workload("D1", "prediction, the network of B", _localizer(), "inference", 1, repeats=25),
    Workload("D256", "prediction, the network of B", _localizer(), "inference", 256),
    Workload("E", "one epoch of `tinycnn train`, decoding and augmentation included", _localizer(), "epoch", 64,
             repeats=3),
)


def choose(names, data=None, workers=1):
    """The workloads called `names` ("D" is both of D's); without names all, E only where there are data to read."""
    known = {workload.key: workload for workload in WORKLOADS}
    groups = {name[0]: [w for w in WORKLOADS if w.key[0] == name[0]] for name in known}
    wanted = [name.upper() for name in names] or [name for name in groups if name != "E" or data is not None]
    chosen = {}
    for name in wanted:
        found = [known[name]] if name in known else groups.get(name)
        if found is None:
            raise DataError(f"there is no workload {name!r}: use {', '.join(groups)}, or {', '.join(known)}")
        chosen |= {workload.key: workload for workload in found}
    if "E" in chosen:
        if data is None:
            raise DataError("workload E reads pictures from files: give it a folder of annotated ones with --data")
        chosen["E"] = replace(chosen["E"], data=str(data), workers=workers)
    return list(chosen.values())


@dataclass(frozen=True)
class Work:
    """The arithmetic of one layer on one image: multiply-adds in forward, and products of that size in backward.

    Backward multiplies as much for the gradient of the weights, and once more for the gradient of the input, which the
    first layer does not need.
    """

    multiply_adds: int
    backward: int

    def flop(self, images, forward=True, backward=True):
        """Floating-point operations: a multiplication and an addition each count one."""
        return 2 * self.multiply_adds * images * (forward + self.backward * backward)


def work_by_layer(model):
    """{dotted name: Work} for every layer that multiplies, in order of forward."""
    rows = [row for row in summary(model).rows if row.multiply_adds]
    return {row.name: Work(row.multiply_adds, 1 if row is rows[0] else 2) for row in rows}


def flop(workload, model):
    """Floating-point operations of one step, matrix products and convolutions alone."""
    training = workload.kind != "inference"
    return sum(work.flop(workload.batch, backward=training) for work in work_by_layer(model).values())

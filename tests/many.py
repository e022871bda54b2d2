"""What tests/test_processes.py lets many processes do: mpirun -n 4 python -m tests.many FOLDER CASE...

Each case trains a network and gives numbers. All processes must end with the same bits; the first one prints its
numbers. Called in one process, without mpirun, a case gives what they are compared with.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from test_steering import SMALL, samples

import tinycnn as tc
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.data import Augment
from tinycnn.data.dataset import Samples
from tinycnn.data.photographs import Photographs, PixelCache
from tinycnn.layers import BatchNorm2d, Linear
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.pose import PoseNet
from tinycnn.optim import SGD, Adam


def default_localizer(processes, folder):
    """20 steps on drawn scenes, batches of 64 and 54, augmented, with dropout, and validation of 6 pictures.

    In float64: 20 steps make more of float32's rounding, of some kernels of BLAS, than the bound that all cases share.
    """
    data = tc.data.scenes(n=118, seed=0, valid=6, test=1)
    model = tc.models.localizer(dropout=0.5, classes=data.classes).astype("float64")
    return train(model, data.train, data.valid, processes, epochs=10, batch_size=64, augment=Augment())


def uneven(processes, folder):
    """Batches of 7, 7, 7 and 2 pictures, steps of two; an own augmentation, a loss that weights classes, averaging."""
    model = tc.models.localizer(dropout=0.3, **SMALL)
    loss = MultiTaskLoss(class_loss=WeightedCrossEntropy([1, 5, 0.2]))
    return train(model, samples(23), samples(3), processes, epochs=2, batch_size=7, accumulate=2, average=0.9,
                 loss=loss, optimizer=Adam(model, lr=1e-3), clip_norm=0.5, augment=own_augment,
                 freeze=("trunk.conv1", 1))


def poses(processes, folder):
    """A loss that is a mean over what is visible, of which the processes' shares have different numbers."""
    people = tc.data.draw_people(9, 32, 0, 2, 1)
    people.train.visible[:3] = np.arange(people.train.visible.shape[1]) < 3
    trunk = tc.models.localizer(image_size=32, channels=(4,), hidden=8, dropout=0.3).trunk
    model = PoseNet(trunk, Linear(8, 28), 32)
    return train(model, people.train, people.valid, processes, epochs=2, batch_size=6)


def simulated(processes, folder):
    """Arrays of a device, which are added up on the host here."""
    model = tc.models.localizer(dropout=0.3, **SMALL).to("simulated")
    return train(model, samples(10), samples(4), processes, epochs=1, batch_size=6)


def gone(processes, folder):
    """Pictures whose files vanish while the run goes on are left out by all."""
    data, paths = samples(12), [Path(folder) / f"{i}.png" for i in range(12)]
    if processes.rank == 0:
        for path, image in zip(paths, data.images, strict=True):
            Image.fromarray(image).save(path)
    processes.wait()
    images = Photographs(paths, [(16, 16)] * 12, cache=PixelCache(0))
    shown = Samples(images, data.labels, data.boxes, data.names, data.classes)

    def one_less(what, model):
        paths[5].unlink(missing_ok=True)
        processes.wait()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return train(tc.models.localizer(**SMALL), shown, None, processes, epochs=3, batch_size=12, augment=Augment(),
                     then=one_less)


def shares_gone(processes, folder, **how):
    """So many files are gone that a process has no picture of its share, and takes part all the same."""
    data, paths = samples(12), [Path(folder) / f"{'mixed' if how else 'plain'}{i}.png" for i in range(12)]
    if processes.rank == 0:
        for path, image in list(zip(paths, data.images, strict=True))[5:]:
            Image.fromarray(image).save(path)
    processes.wait()
    images = Photographs(paths, [(16, 16)] * 12, cache=PixelCache(0))
    shown = Samples(images, data.labels, data.boxes, data.names, data.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return train(tc.models.localizer(**SMALL), shown, None, processes, epochs=2, batch_size=4,
                     augment=Augment(), **how)


def shares_gone_mixed(processes, folder):
    """The same where each picture is mixed with another of its batch."""
    return shares_gone(processes, folder, mix=tc.data.Mixup(), loss=None)


def normalized(processes, folder):
    """Batch normalization, whose running averages are those of all processes together."""
    model = with_batchnorm()
    found = train(model, samples(8), None, processes, epochs=1, batch_size=8, optimizer=SGD(model, lr=0.0))
    norm = model.trunk["norm1"]
    return found | {"mean": norm.running_mean.value.tolist(), "var": norm.running_var.value.tolist()}


def best_of_resumed(processes, folder):
    """A run that some processes began and others resume ends with its best weights in all of them."""
    out = Path(folder) / "resumed"
    found = {}
    for epochs in (2, 4):
        model = tc.models.localizer(dropout=0.3, **SMALL)
        found = train(model, samples(24), samples(6), processes, epochs=epochs, batch_size=8, out=out, resume=True,
                      restore_best=True, schedule=tc.optim.constant(), optimizer=SGD(model, lr=0.05))
    return found | {"files": sorted(path.name for path in out.iterdir())}


def with_batchnorm():
    model = tc.models.localizer(**SMALL)
    first, *others = model.trunk
    model.trunk = tc.layers.Sequential(first, BatchNorm2d(4), *others)
    return model


def own_augment(image, box, size, rng):
    return np.clip(image.astype(int) + rng.integers(-20, 20, rng.integers(1, 4))[0], 0, 255).astype(np.uint8), box


def train(model, train, valid, processes, then=None, **options):
    losses = []

    def on_step(what, model):
        losses.append(float(what["loss"]))
        if then is not None:
            then(what, model)

    history = tc.fit(model, train, valid, processes=processes, progress=False, on_step=on_step, **options)
    numbers = [tc.backend.to_numpy(each.value) for each in (model.parameters() | model.buffers()).values()]
    return {"losses": losses, "rows": [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows],
            "digest": hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest(),
            "weights": [float(np.abs(array).sum()) for array in numbers]}


CASES = {case.__name__: case for case in (default_localizer, uneven, poses, simulated, gone, shares_gone,
                                          shares_gone_mixed, normalized,
                                          best_of_resumed)}


def main(folder, *names):
    from mpi4py import MPI

    from tinycnn.processes import Processes

    processes, found = Processes(MPI.COMM_WORLD), {}
    for name in names:
        found[name] = CASES[name](processes, folder)
        mine = np.frombuffer(bytes.fromhex(found[name]["digest"]), np.uint8)
        all_of_them = np.empty((processes.size, len(mine)), np.uint8)
        processes.comm.Allgather(mine.copy(), all_of_them)
        assert (all_of_them == mine).all(), f"{name}: the processes ended with different weights"
    if processes.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

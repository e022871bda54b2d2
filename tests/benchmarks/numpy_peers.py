"""The training step of workload A in other libraries that compute with NumPy, in turns with tinycnn.

    python3 -m venv .venv-peers                 # Chainer's last release, of 2022, needs a NumPy of its time
    .venv-peers/bin/pip install 'setuptools<60' wheel 'numpy==1.23.5'
    .venv-peers/bin/pip install --no-build-isolation chainer==7.8.1 dezero 'matplotlib<3.8' pillow 'numpy==1.23.5'
    python tests/benchmarks/numpy_peers.py .venv-peers/bin/python

Each library lives in a process of its own and waits while the others have their turn. All train the same network on the
same numbers: 3x3 convolutions of 16, 32, 64 and 128 filters on 64 x 64 pixels, each with ReLU and 2x2 max pooling, 256
hidden units, a class head and a box head, batch 64, cross-entropy plus squared error, momentum and weight decay. All
may use all cores; Chainer and DeZero leave that to BLAS, and compute everything else on one.
"""

import statistics
import subprocess
import sys
import time

import numpy as np

CHANNELS, HIDDEN, CLASSES, BATCH, SIZE = (16, 32, 64, 128), 256, 10, 64, 64
ROUNDS = 9


def numbers():
    """x (N, 3, H, W), labels, targets: the same in every process."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((BATCH, 3, SIZE, SIZE)).astype("float32")
    return x, np.arange(BATCH) % CLASSES, rng.standard_normal((BATCH, 4)).astype("float32")


def tinycnn_step():
    import tinycnn as tc

    x, labels, targets = numbers()
    x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    model = tc.models.localizer(CLASSES, SIZE, CHANNELS, HIDDEN)
    loss, optimizer = tc.MultiTaskLoss(), tc.optim.SGD(model, lr=0.001, momentum=0.9, weight_decay=5e-4)

    def step():
        loss.forward(model.forward(x), (labels, targets))
        model.backward(*loss.backward())
        optimizer.step()

    return step


def chainer_step():
    import chainer
    import chainer.functions as F
    import chainer.links as L

    convs = chainer.ChainList(*(L.Convolution2D(None, f, 3, pad=1) for f in CHANNELS))
    heads = chainer.ChainList(L.Linear(None, HIDDEN), L.Linear(None, CLASSES), L.Linear(None, 4))
    model = chainer.ChainList(convs, heads)
    optimizer = chainer.optimizers.MomentumSGD(lr=0.001, momentum=0.9).setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(5e-4))
    x, labels, targets = numbers()
    labels = labels.astype("int32")

    def step():
        h = x
        for conv in convs:
            h = F.relu(F.max_pooling_2d(conv(h), 2))
        h = F.relu(heads[0](h))
        loss = F.softmax_cross_entropy(heads[1](h), labels) + F.mean_squared_error(heads[2](h), targets)
        model.cleargrads()
        loss.backward()
        optimizer.update()

    return step


def dezero_step():
    import dezero
    import dezero.functions as F
    import dezero.layers as L

    class Network(dezero.Model):
        def __init__(self):
            super().__init__()
            self.convs = [L.Conv2d(f, kernel_size=3, pad=1) for f in CHANNELS]
            for i, conv in enumerate(self.convs):
                setattr(self, f"conv{i}", conv)
            self.hidden, self.class_head, self.box_head = L.Linear(HIDDEN), L.Linear(CLASSES), L.Linear(4)

        def forward(self, h):
            for conv in self.convs:
                h = F.relu(F.pooling(conv(h), 2, 2))
            h = F.relu(self.hidden(F.reshape(h, (len(h), -1))))
            return self.class_head(h), self.box_head(h)

    model = Network()
    optimizer = dezero.optimizers.MomentumSGD(lr=0.001, momentum=0.9).setup(model)
    optimizer.add_hook(dezero.optimizers.WeightDecay(5e-4))
    x, labels, targets = numbers()

    def step():
        scores, boxes = model(x)
        loss = F.softmax_cross_entropy(scores, labels) + F.mean_squared_error(boxes, targets)
        model.cleargrads()
        loss.backward()
        optimizer.update()

    return step


STEPS = {"tinycnn": tinycnn_step, "chainer": chainer_step, "dezero": dezero_step}


def serve(name):
    """One line in, one step, its seconds out."""
    step = STEPS[name]()
    step()
    print("ready", flush=True)
    for _line in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


def main(python):
    sides = {}
    for name in STEPS:
        command = [sys.executable if name == "tinycnn" else python, __file__, "--serve", name]
        sides[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if sides[name].stdout.readline().strip() != "ready":
            sys.exit(f"{name} does not run in {command[0]}; the head of this file says how to make it an environment")
    seconds = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            for _ in range(2):  # the first wakes it up
                side.stdin.write("\n")
                side.stdin.flush()
                answer = float(side.stdout.readline())
            seconds[name].append(answer)
    for name, side in sides.items():
        side.stdin.close()
        side.wait()
        ratios = [b / a for a, b in zip(seconds["tinycnn"], seconds[name], strict=True)]
        milliseconds, ratio = 1e3 * statistics.median(seconds[name]), statistics.median(ratios)
        print(f"{name:8} {milliseconds:6.0f} ms  {ratio:4.1f} x tinycnn's time, {min(ratios):.1f} to {max(ratios):.1f}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--serve":
        serve(sys.argv[2])
    elif len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        sys.exit(__doc__)

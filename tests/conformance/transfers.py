"""What one step of training moves between host and device, counted on the simulated device.

    python -m tests.conformance.transfers      # prints the table

A step may upload its batch: images, labels, box targets, and the mask of each Dropout that is active, since masks are
drawn on the host. It downloads nothing: the losses of all steps come down together at the end of an epoch, or after
every LOOK_EVERY steps of a long one.
"""

from typing import NamedTuple

from tests.conformance.runs import model, samples
from tinycnn import layers, simulated, training
from tinycnn.optim import SGD, Adam

STEPS, BATCH = 4, 3


class Kind(NamedTuple):
    """One kind of training."""

    title: str
    model: dict = {}  # options of the model
    optimizer: object = None  # model -> optimizer
    fit: dict = {}  # options of fit


KINDS = [
    Kind("SGD with momentum"),
    Kind("SGD with weight decay alone", optimizer=lambda net: SGD(net, lr=0.01, momentum=0.0, weight_decay=1e-3)),
    Kind("Adam", optimizer=Adam),
    Kind("gradients clipped", fit={"clip_norm": 1.0}),
    Kind("one box per class", {"per_class_boxes": True}),
    Kind("dropout", {"dropout": 0.5}),
]


class Row(NamedTuple):
    """What training of one kind moves."""

    title: str
    dropouts: int  # how many Dropout layers there are
    uploads: float  # per step
    kilobytes: float  # uploaded per step
    downloads: float  # per step
    waits: float  # moments per step at which the host waits for the device
    epoch_uploads: int  # per epoch, beside those of its steps
    epoch_downloads: int


def count(kind):
    """Runs that differ in one thing, an epoch or some steps, show what that one thing costs."""
    net = model(**kind.model)

    def run(epochs, steps):
        with simulated.count() as transfers:
            training.fit(net, samples(steps * BATCH), epochs=epochs, batch_size=BATCH, progress=False,
                         optimizer=kind.optimizer and kind.optimizer(net), **kind.fit)  # fmt: skip
        return transfers

    run(1, 1)  # the first time, the statistics of the boxes travel
    short, long, twice = run(1, STEPS), run(1, 2 * STEPS), run(2, STEPS)
    step = {name: (value - getattr(short, name)) / STEPS for name, value in vars(long).items()}
    epoch = {name: value - getattr(short, name) - STEPS * step[name] for name, value in vars(twice).items()}
    dropouts = sum(isinstance(layer, layers.Dropout) for _, layer in net.layers())
    return Row(kind.title, dropouts, step["uploads"], step["bytes_uploaded"] / 1e3, step["downloads"],
               step["synchronizations"], epoch["uploads"], epoch["downloads"])  # fmt: skip


def table():
    """The rows of all kinds as lines of text."""
    widths = (28, 7, 10, 7, 11, 7, 10, 11)
    head = ("", "layers", "uploads", "kB", "downloads", "waits", "uploads", "downloads")
    lines = [f"{'':28}{'dropout':>7}{'each step':>35}{'more each epoch':>21}"]
    for values in (head, *map(count, KINDS)):
        cells = [value if isinstance(value, str) else f"{value:.4g}" for value in values]
        lines.append(cells[0].ljust(widths[0]) + "".join(map(str.rjust, cells[1:], widths[1:])))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())

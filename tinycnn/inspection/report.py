"""The inspection as one HTML file: every look of this room at one network and its data, each with how to read it."""

from functools import partial
from pathlib import Path

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import to_numpy
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.files import atomic_write, expect_own
from tinycnn.inspection.case import in_turn
from tinycnn.inspection.diagnosis import BATCH, Diagnosis, diagnose
from tinycnn.inspection.explain import explain_conv
from tinycnn.inspection.finding import LOOK, OK, WRONG
from tinycnn.inspection.heads import head_gradients
from tinycnn.inspection.maps import activations, filters
from tinycnn.inspection.page import FOOTER, Markup, Page, escape, mark
from tinycnn.inspection.pixels import occlusion, saliency
from tinycnn.inspection.provenance import provenance
from tinycnn.inspection.receptive import middle_windows, receptive_fields
from tinycnn.inspection.summary import summary
from tinycnn.inspection.taps import batch_of, expect_localizer, expect_pictures, frames, tap, twin
from tinycnn.inspection.trace import trace
from tinycnn.layers import Conv2d
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer
from tinycnn.optim import Optimizer
from tinycnn.text import count, percent, short

PREDICTED = 12  # pictures that are shown with their predictions
MEASURED = 256  # unseen pictures from which the metrics come


def report(model: Localizer, data: Dataset | Samples, out: str | Path, loss: MultiTaskLoss | None = None,
           optimizer: Optimizer | None = None, seed: int = 0, name: str = "the model",
           explorer: str | None = None) -> tuple[Path, Diagnosis]:
    """Inspect `model` on `data` and write out/report.html; returns (its path, the Diagnosis). `model` is unchanged.

    data: a Dataset or Samples    out: a folder    loss, optimizer, seed: as in trace    name: of the model, for the
    title    explorer: the name of a page beside it, in which the step can be walked through (tinycnn.explorer), and
    which the report then links to. The file needs no network and no other file: figures are embedded, and nothing in it
    is executed. DataError where a report.html is there that is none of ours.
    """
    expect_localizer(model, "report")
    expect_pictures(data, "report")
    path = Path(out) / "report.html"
    expect_own(path, FOOTER.encode())
    parts = {"train": data} if isinstance(data, Samples) else dict(data.parts)
    train = parts["train"]
    diagnosis = diagnose(model, data, loss, optimizer, seed)
    unseen = next((parts[part] for part in ("test", "valid") if len(parts.get(part, ()))), train)
    page = Page(f"Inspection of {name}", _subtitle(model, getattr(data, "name", "the samples"), parts))
    _in_short(page, diagnosis)
    if any(finding.check == "learned" for finding in diagnosis.findings):
        batch = train.subset(in_turn(train.labels, BATCH))
        shown = unseen.subset(in_turn(unseen.labels, PREDICTED))
        found = _predictions(page, model, diagnosis, unseen, shown, train)
        _mistakes(page, found)
        _network(page, model, shown.images[0])
        _step(page, model, batch, loss, optimizer, seed, explorer)
        _tug_of_war(page, model, batch, loss)
        _convolutions(page, model, batch, loss, seed)
        _pixels(page, model, shown)
    with atomic_write(path, "w") as file:
        file.write(str(page))
    return path, diagnosis


def _subtitle(model, name, parts):
    parameters = sum(p.value.size for p in model.parameters().values())
    sizes = ", ".join(f"{len(samples):,} {part}" for part, samples in parts.items() if len(samples))
    return f"{count(parameters, 'parameter')}, {count(len(model.classes), 'class', 'classes')}, " \
           f"pictures of {model.image_size} x {model.image_size}; looked at with {name} ({sizes})"


def _in_short(page, diagnosis):
    page.section("In short")
    wrong, look, fine = (sum(f.level == level for f in diagnosis.findings) for level in (WRONG, LOOK, OK))
    verdict = "Nothing is wrong that these checks can see." if diagnosis.ok else \
        f"{count(wrong, 'check')} found something wrong: begin there."
    rest = f", {look} deserving a look" if look else ""
    page.text(f"{verdict} Of {count(len(diagnosis.findings), 'check')}, {fine} came out fine{rest}. Their order is "
              "that in which one should search: the data, the start, the gradients, the answers.")
    rows = [("check", "", "what was measured, and what to do")]
    for f in diagnosis.findings:
        advice = f'<span class="advice">→ {escape(f.advice)}</span>' if f.advice else ""
        rows.append((f.check, mark(f.level), Markup(escape(f.measured) + advice)))
    page.table(rows, left=3)
    page.text("The same in Python: `print(tc.diagnose(model, data))`", quiet=True)


def _predictions(page, model, diagnosis, unseen, shown, train):
    from tinycnn.metrics import COLUMNS, NAMES
    from tinycnn.plots import predictions
    from tinycnn.tasks import task_of

    page.section("What it predicts")
    some = unseen.subset(in_turn(unseen.labels, MEASURED))
    scores, found = task_of(twin(model)).measure(some, train, BATCH, 1)
    page.text(f"On {count(len(some), 'picture')}, class and box are both right in {percent(scores['joint'])}. A number "
              "means little alone, so three answers that never look at the picture stand beside it.")
    columns = {prefix: title for prefix, title in COLUMNS.items() if any(prefix + key in scores for key in NAMES)}
    page.table([("", *columns.values())] + [
        (title, *(f"{scores[prefix + key]:.3f}" if prefix + key in scores else "–" for prefix in columns))
        for key, title in NAMES.items()])
    page.figure(partial(predictions, shown, model.predict(shown.images)), f"Predictions on {len(shown)} pictures",
                "Truth and prediction. Right means what joint accuracy counts: the class is right and the boxes "
                "overlap with an IoU of at least 0.5.")
    page.heading("Is it the same box for every picture?")
    page.figure(diagnosis.plot, "Predicted against true boxes",
                "Each dot is a picture. A network that has learned puts the dots on the slanted line; one that answers "
                "with the same box puts them on a horizontal one. Timid answers lie between.")
    return found


def _mistakes(page, found):
    page.section("Where it is wrong")
    page.text(f"The same {count(len(found.labels), 'answer')}, taken apart. A number of few pictures says little: one "
              "picture more or less of a class of ten is a tenth of its accuracy.")
    if len(found.classes) > 1:
        page.figure(found.plot, "Confusion matrix: true classes as rows, answers as columns",
                    "Each row is a true class, and its cells say what its pictures were called. Two classes that are "
                    "mistaken for each other look alike to the network; a column that is full of others is the class "
                    "it falls back on.")
    page.figure(found.plot_classes, "Accuracy, mean IoU and joint accuracy of each class",
                "A class with a good box and a wrong name was seen and not recognized; one with the right name and a "
                "bad box was recognized and not found exactly.")
    page.figure(found.plot_sizes, "IoU over the size of the object",
                "The same few pixels cost a small box much of its IoU and a large one little, so the left side is "
                "mostly lower. A network that falls there to nothing sees too coarsely for small objects.")
    page.figure(found.plot_worst, "The worst answers",
                "Look here first for labels and boxes that are wrong themselves: a network that has learned the rest "
                "disagrees with them most.")
    page.text("The same in Python: `tc.mistakes(model, samples)`", quiet=True)


def _network(page, model, image):
    from tinycnn.plots.pixels import fields_figure

    page.section("What it is made of")
    page.text("Parameters, memory and work per layer, from arithmetic alone. In most networks the fully connected "
              "layers hold the parameters and the convolutions do the work.")
    page.add(f"<pre>{escape(summary(model, batch_size=BATCH))}</pre>")
    fields = [f for f in receptive_fields(model) if f.size != (1, 1) and not _keeps_view(model, f.name)]
    if fields:
        windows = middle_windows(model, fields, model.image_size)
        page.figure(partial(fields_figure, fields, windows, frames(model, image)[0][0]),
                    "Receptive fields of the layers",
                    "How many pixels a unit of each layer can see. A unit cannot recognize what does not fit into its "
                    "window; the box head needs units that see whole objects, or many that together do.")


def _keeps_view(model, name):
    return not hasattr(dict(model.layers())[name], "kernel")


def _step(page, model, batch, loss, optimizer, seed, explorer):
    page.section("One training step under the microscope")
    page.text("A step is three sweeps: outputs forward, gradients backward, and then every weight moves a little. Here "
              f"one step with {count(len(batch), 'training picture')} was taken by a copy of the network. Read each "
              "row as one layer, from the image at the top to the two heads at the bottom.")
    seen = trace(model, batch.images, batch.labels, batch.boxes, loss, optimizer, seed)
    page.figure(seen.plot, "Outputs, gradients, zeros, updates and time of every layer",
                "Look for outputs that shrink or grow from layer to layer, gradients that fade on their way up this "
                "figure (which is the way down the network), dead units, and updates outside the shaded band: about a "
                "thousandth of the weights per step is usual.")
    page.folded("The numbers as a table", str(seen))
    page.text("The same in Python: `tc.trace(model, images, labels, boxes)`", quiet=True)
    if explorer is not None:
        page.link(explorer, "Walk through one training step, number by number")


def _tug_of_war(page, model, batch, loss):
    page.section("Tug of war: which head pulls the trunk")
    page.text("Both heads send a gradient into the shared trunk, where the two are added. Sent down one at a time, "
              "they can be compared: how hard each pulls (the norm), and whether both want the same (the cosine).")
    calm = twin(model).eval()
    pulls = head_gradients(calm, *batch_of(calm, batch.images, batch.labels, batch.boxes), loss)
    page.figure(pulls.plot, "Norms and cosines of the two heads' gradients",
                "Left: the two norms at every layer. Middle: the cosine; at 0 the two tasks do not disturb each other, "
                "below 0 a step for one undoes work of the other. Right: the direction that the trunk follows as the "
                "weight of the box loss varies. Another weight stretches the arrows and turns none of them.")
    page.text("The same in Python: `tc.inspection.head_gradients(model, x, labels, targets)`; over the epochs of a "
              "training: `fit(..., on_epoch=tc.inspection.TugOfWar(samples))`", quiet=True)


def _convolutions(page, model, batch, loss, seed):
    convolutions = [(name, layer) for name, layer in model.layers() if isinstance(layer, Conv2d)]
    if not convolutions:
        page.section("Convolutions").text("This network has none, so there are no windows and filters to show.")
        return
    page.section("Where a gradient comes from")
    page.text("A weight of a convolution is used at every position of every picture, and its gradient is the sum over "
              "all these uses. Here the weight with the largest gradient is traced back to the pictures that asked for "
              "it, in an early layer and in a later one.")
    for name, _ in dict.fromkeys([convolutions[0], convolutions[min(2, len(convolutions) - 1)]]):
        origin = provenance(model, batch.images, batch.labels, batch.boxes, name, loss=loss, seed=seed)
        page.figure(origin.plot, f"Where the gradient of a weight of {short(name)} comes from")
    page.text("Left: the weight in its kernel, and what each picture adds. Right: the pictures that add most, colored "
              "by what each position adds. Much of it cancels, as the title says; a step follows the rest.")
    page.text(f'The same in Python: `tc.inspection.provenance(model, images, labels, boxes, "{short(name)}")`',
              quiet=True)
    page.section("What a convolution computes")
    name, layer = convolutions[0]
    calm = twin(model).eval()
    seen = tap(calm)[name]
    calm.forward(batch_of(calm, batch.images[:1], batch.labels[:1], batch.boxes[:1])[0])
    page.text("One number of the output: the patch under the window, times the kernel, summed, plus the bias. This is "
              f"the strongest answer of {short(name)} to one training picture; every other output is made in the same "
              "way.")
    strongest = np.unravel_index(np.argmax(to_numpy(seen.y)[0]), seen.y.shape[1:])
    explanation = explain_conv(seen.layer, to_numpy(seen.x)[0], *(int(k) for k in strongest))
    page.figure(explanation.plot, f"One output of {short(name)} as patch times kernel",
                "Purple is positive, orange negative. A filter answers where the colors of patch and kernel agree.")
    if layer.w.value.shape[2] in (1, 3):
        page.heading("The filters of the first layer")
        page.figure(partial(filters, layer), "First-layer filters",
                    "What each filter looks for, shown as a picture. Large "
                    "filters that were trained long become edges and color contrasts, and those that still look like "
                    "noise have learned little; three by three pixels leave room for contrasts only.")
    page.heading("What the layers show")
    image = batch.images[0]
    for name in _map_layers(model):
        page.figure(partial(activations(model, image, name).plot, 15), f"Activation maps of {short(name)}")
    page.text("The same picture in an early and in a late layer: first edges and colors at every position, then "
              "coarser answers to larger parts.")


def _map_layers(model):
    """Of the layers that give maps: the one behind the first convolution's ReLU, and the last."""
    names = [f.name for f in receptive_fields(model)]
    layers = dict(model.layers())
    relus = [name for name in names if type(layers[name]).__name__ == "ReLU"]
    return list(dict.fromkeys([(relus or names)[0], (relus or names)[-1]]))


def _pixels(page, model, shown):
    page.section("Which pixels matter")
    page.text("The gradient with respect to the image asks of each pixel: if it grew a little brighter, by how much "
              "would the score change, or the right edge of the box move? Covering a part with gray and predicting "
              "again asks less subtly. Shown for the best of the pictures above, and for the worst.")
    answers = model.predict(shown.images)
    overlap = box_codec.iou(answers.boxes, shown.boxes) * np.where(answers.labels == shown.labels, 1, 0.5)
    for title, i in (("The best answer", int(overlap.argmax())), ("The worst answer", int(overlap.argmin()))):
        image = shown.images[i]
        truth = shown.classes[shown.labels[i]]
        page.heading(f"{title}: this is {truth}, and it says {answers[i][0]}")
        page.figure(saliency(model, image).plot, "Which pixels move the score and the four edges of the box",
                    "Bright pixels move the class's score, or the edge drawn in orange, most. An edge of the box "
                    "should hang on the edge of the object, not on the background.")
        page.figure(occlusion(model, image).plot, "What is lost where a gray square covers the picture",
                    "Bright where covering costs most: these parts are needed, for the class (middle) and for the box "
                    "(right).")
    page.text("The same in Python: `tc.inspection.saliency(model, image)` and `tc.inspection.occlusion(model, image)`",
              quiet=True)

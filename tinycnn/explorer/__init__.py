"""One training step of a reader's own network, forward and backward, as a page to walk through in a browser.

    tc.explore(model, samples)                      in a notebook: the page itself
    tc.explore(model, samples).save("page.html")    one file, which needs no server and no network

    record.py    one step, layer by layer, as the layers' own formulas compute it
    contents.py  what a page is told of it        pack.py     arrays as text
    sources.py   lessons, and lines of the library    document.py    the file
    page/        what runs in the browser: plain JavaScript, no framework, readable as it stands
"""

import math
import operator
from numbers import Real
from pathlib import Path
from typing import Any

from tinycnn import boxes as box_codec
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError
from tinycnn.explorer.contents import contents
from tinycnn.explorer.document import MARK, document
from tinycnn.files import atomic_write, expect_own
from tinycnn.inspection.case import in_turn
from tinycnn.metrics import HIT
from tinycnn.models.localizer import Localizer
from tinycnn.tasks import task_of
from tinycnn.tasks.parts import counted_by, expect_part
from tinycnn.text import count

SHOWN = 6  # pictures of a page
LOOKED_AT = 100  # samples among which wrong answers are looked for
LARGEST = 12_000_000  # parameters that a page can hold and a browser compute with

__all__ = ["Explorer", "explore"]


class Explorer:
    """A page: in a notebook it shows itself, `save` writes it.

    html: the whole page    title: what it is called
    """

    def __init__(self, html: str, title: str) -> None:
        self.html, self.title = html, title

    def save(self, path: str | Path) -> Path:
        """Write the page to `path`; DataError where a file lies there that is no such page."""
        expect_own(path, MARK.encode())
        with atomic_write(path, "w") as file:
            file.write(self.html)
        return Path(path)

    def _repr_html_(self) -> str:
        import html

        return f'<iframe title="{html.escape(self.title)}" style="width: 100%; height: 820px; border: 0" ' \
               f'sandbox="allow-scripts" srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"Explorer({self.title!r}, {len(self.html.encode()) / 1e6:.1f} MB: .save('page.html') writes it)"


def explore(model: Localizer, samples: Samples, out: str | Path | None = None, *, loss: Any = None,
            rate: float | None = None,
            picture: int | None = None, name: str = "the network", epochs: dict[str, Any] | None = None,
            mistakes: bool = True) -> Explorer:
    """One training step of `model` on a few pictures as a page; nothing of `model` changes.

    samples: of them, SHOWN are shown, wrong answers first; where the model has learned named classes, names decide
    which of its classes a label means    out: a file to write, ready to be opened in a browser
    loss: that of the training, default MultiTaskLoss()    rate: of the step, plain gradient descent; None: one that
    suits this network (contents.suitable_rate)    picture: the number of a sample that is shown first
    name: of the model    epochs: those of its training, as tinycnn.explorer.epochs.read gives them
    mistakes: whether wrong backwards are planted and shown, which takes some seconds

    Raises TypeError for what is no Localizer or no Samples, ValueError for a rate or a picture that is no such number,
    DataError for too large a network, classes that it lacks, a picture that is not there, or a file at `out` that is no
    such page.
    """
    if not isinstance(model, Localizer):
        raise TypeError(f"explore shows localizers, with a class head and a box head; got {type(model).__name__}")
    expect_part(task_of(model, "explore"), samples, "explore")
    if rate is not None and not (isinstance(rate, Real) and not isinstance(rate, bool) and 0 < rate < math.inf):
        raise ValueError(f"explore: rate must be a number above 0, or None, got {rate!r}")
    if picture is not None:
        picture = _whole(picture)
    if not len(samples):
        raise DataError("explore needs at least one picture with its class and box, got no samples")
    if picture is not None and not 0 <= picture < len(samples):
        raise DataError(f"picture {picture} is not there: the samples are numbered 0 to {len(samples) - 1}")
    numbers = sum(p.value.size for p in model.parameters().values())
    if numbers > LARGEST:
        raise DataError(f"a page holds the weights of the network, at most {LARGEST:,} numbers; this one has "
                        f"{numbers:,}. Explore a smaller one: its layers compute the same")
    if out is not None:
        expect_own(out, MARK.encode())  # before anything is computed
    samples = counted_by(model, samples)
    chosen = choose(model, samples, picture)
    told, arrays = contents(model, samples.subset(chosen), loss, rate)
    told |= {"title": f"One training step of {name}", "name": name, "numbers": [int(i) for i in chosen],
             "epochs": epochs, "parameters": count(numbers, "parameter"),
             "mistakes": planted(model, samples.subset(chosen), loss) if mistakes and len(chosen) > 1 else []}
    page = Explorer(document(told, arrays), told["title"])
    if out is not None:
        page.save(out)
    return page


def _whole(picture):
    if isinstance(picture, bool) or not hasattr(picture, "__index__") or getattr(picture, "shape", ()) != ():
        raise ValueError(f"explore: picture must be a whole number, 0 or more, or None, got {picture!r}")
    return operator.index(picture)


def planted(model: Localizer, samples: Samples, loss: Any) -> list[dict[str, Any]]:
    """What planted mistakes do to the gradients of this network; none where it is of layers that are the reader's own.
    """
    from tinycnn.explorer import mistakes

    return mistakes.planted(model, samples.images, samples.labels, samples.boxes, loss)


def choose(model: Localizer, samples: Samples, picture: int | None = None) -> list[int]:
    """Numbers of at most SHOWN samples: `picture`, where one is asked for; then as many that the model gets wrong as
    that it gets right, of all classes in turn.
    """
    some = [int(i) for i in in_turn(samples.labels, LOOKED_AT)]
    few = samples.subset(some)
    said = model.predict(few.images)
    right = (said.labels == few.labels) & (box_codec.iou(said.boxes, few.boxes) >= HIT)
    wrong, well = ([i for i, good in zip(some, right, strict=True) if good == wanted] for wanted in (False, True))
    half = SHOWN // 2
    mixed = [*wrong[:half], *well[:half], *wrong[half:], *well[half:]]
    first = [] if picture is None else [picture]
    return [*first, *(i for i in mixed if i != picture)][:SHOWN]

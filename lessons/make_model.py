"""The small trained localizer that lesson 00 opens: python -m lessons.make_model

Draws the scenes, trains on them, prints what the model is worth, and writes lessons/models/scenes.npz, well under 1 MB.
Same seed, same pictures, same weights to within rounding. It takes some minutes on two cores; with TINYCNN_FAST=1 (see
tinycnn/course/__init__.py) it shows in seconds that it still works, and writes nothing.
"""

from pathlib import Path

import tinycnn as tc
from tinycnn.course import FAST

PATH = Path(__file__).resolve().parent / "models" / "scenes.npz"


def main():
    data = tc.data.scenes(n=200 if FAST else 4000, image_size=64, seed=0, valid=100 if FAST else 500,
                          test=50 if FAST else 1000)
    model = tc.models.localizer(num_classes=len(data.classes), channels=(16, 32, 64, 64), hidden=96, dropout=0.1,
                                classes=data.classes)
    tc.fit(model, data.train, data.valid, epochs=1 if FAST else 20, batch_size=64, augment=tc.data.Augment(),
           optimizer=tc.optim.SGD(model, lr=0.03, momentum=0.9, weight_decay=5e-4))
    print(tc.metrics.comparison_table(tc.evaluate(model, data.test, data.train)))
    if not FAST:
        PATH.parent.mkdir(exist_ok=True)
        tc.save(model, PATH)
        print(f"{PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

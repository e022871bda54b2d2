"""How long the models of one table in README.md learn, and how long they look at a picture.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.models --models haar,hog-svm
    python -m tests.benchmarks.models --models hog-heads,localizer,resnet --part 0.125

What learns in epochs learns one of them here, of all training pictures or of a part, and the time is multiplied. What
learns in one go does so. Drawing or reading the pictures does not count. Then each predicts 64 drawn scenes at once,
and one at a time, from pixels to boxes: medians of a few calls. (The search over windows multiplies small matrices: two
threads of BLAS do not do that sooner, and may wait for each other.)
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import tinycnn as tc
from tinycnn.cli import fitting, runs
from tinycnn.cli.options import WITHOUT_EPOCHS, resolve
from tinycnn.text import table

MODELS = "haar,hog-svm,hog-heads,localizer,resnet"
TOGETHER, CALLS = 64, 7


def main(data, models, part):
    images = tc.data.scenes(n=TOGETHER, image_size=64, seed=1, valid=1, test=1).train.images
    whole = resolve({"data": data})["size"]
    known = {"data": data} if whole is None else {"data": data, "size": round(whole * part)}
    given = runs.load_data(resolve(known))
    if whole is None and part < 1:
        _, given.train = given.train.split(part, 0)
    rows = [("model", "pictures", "epochs", "learns in, s", f"of {TOGETHER} pictures each, ms", "one picture, ms")]
    for name in models.split(","):
        usual = resolve({"model": name, "data": data})
        by_epochs = name not in WITHOUT_EPOCHS
        settings = resolve(known | {"model": name} | ({"epochs": 1} if by_epochs else {}))
        model = runs.build_model(settings, given.classes)
        with tempfile.TemporaryDirectory() as folder:
            how = argparse.Namespace(resume=False, quiet=True)
            (history,) = fitting.fit(model, given, settings, Path(folder), how, say=print)
        seconds = sum(history.column("seconds")) * (usual["epochs"] / part if by_epochs else 1)
        each = median(lambda model=model: model.predict(images)) / TOGETHER
        alone = median(lambda model=model: model.predict(images[:1]))
        pictures = len(given.train) / (part if by_epochs else 1)
        rows.append((name, f"{pictures:,.0f}", usual["epochs"] if by_epochs else "-",
                     f"{seconds:.0f}", f"{1e3 * each:.2f}", f"{1e3 * alone:.1f}"))  # fmt: skip
        print(*rows[-1], flush=True)
    print(table(rows))


def median(call):
    """Seconds of a call, after one that does not count."""
    call()
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--part", type=float, default=1.0, help="of the training pictures, 0 to 1")
    main(**vars(parser.parse_args()))

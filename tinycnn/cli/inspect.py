"""tinycnn inspect: everything that can be seen in a network, as one HTML file."""

from pathlib import Path

from tinycnn.classical.window import WindowDetector
from tinycnn.cli import ingredients, runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.cli.options import DATA, DEVICE, given, located, options, resolve
from tinycnn.models.pose import PoseNet

PAGES = (".html", ".htm", ".png", ".jpg", ".jpeg", ".pdf", ".svg")  # no names for a folder


def add(commands):
    parser = commands.add_parser(
        "inspect", parents=[options(*DATA, DEVICE)], help="look inside a model: one HTML report",
        description="Check a model and its data, and show a training step, gradients and predictions in one HTML file "
                    "that needs no network. The data are those of the training, or others.")
    parser.add_argument("trained", type=place, nargs="?", metavar="MODEL",
                        help="model.npz or the folder of a run (default: newest)")
    parser.add_argument("pictures", type=place, nargs="?", metavar="DATA", help="the same as --data")
    parser.add_argument("--out", type=place, metavar="FOLDER", default="inspection", help="default: inspection")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.inspection import report

    known, out = given(arguments), Path(arguments.out)
    if out.suffix.lower() in PAGES and not out.is_dir():
        raise UsageError(f"--out is the folder in which report.html, or a picture, is written, got {out}: "
                         f"try --out {out.with_suffix('')}")
    if arguments.pictures is not None:
        pictures = located(arguments.pictures)
        if known.get("data", pictures) != pictures:
            raise UsageError("the data are given twice, as DATA and as --data")
        known["data"] = pictures
    model, path = runs.load_model(arguments.trained, resolve(given(arguments))["device"])
    data, settings = runs.data_for_model(model, path, known)
    shown = next((name for name in ("test", "valid") if len(data.parts[name])), "train")
    runs.say_if_learned(path, settings, shown, data.parts[shown])
    if isinstance(model, PoseNet):
        from tinycnn.inspection.pose import pose_picture

        print(pose_picture(model, data, arguments.out))
        return
    if isinstance(model, WindowDetector):
        from tinycnn.inspection.windows import window_picture

        print(window_picture(model, data, arguments.out))
        return
    loss, name = ingredients.loss_of_run(path), path.parent.name or path.name
    page = _explorer(model, data.parts[shown], Path(arguments.out) / "explore.html", loss, name, path.parent)
    written, diagnosis = report(model, data, arguments.out, loss, name=name, explorer=page and page.name)
    print(f"{diagnosis}\n\nThe whole report: {written}")
    if page is not None:
        print(f"One step to walk through: {page}")


def _explorer(model, samples, path, loss, name, folder):
    """Write the page of one training step beside the report; None where there is nothing that it could show."""
    from tinycnn.explorer import LARGEST, explore
    from tinycnn.explorer.epochs import read_if_sound

    if not len(samples) or sum(p.value.size for p in model.parameters().values()) > LARGEST:
        return None
    explore(model, samples, path, loss=loss, name=name, epochs=read_if_sound(folder))
    return path

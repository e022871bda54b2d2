"""Figures: they say what is true, they open, they show something, and they leave nothing behind."""

import sys

import numpy as np
import pytest

from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError
from tinycnn.history import History
from tinycnn.models import Prediction

matplotlib = pytest.importorskip("matplotlib")
PIL = pytest.importorskip("PIL.Image")

from tinycnn import plots  # noqa: E402
from tinycnn.plots.look import PREDICTION, TRUTH, WRONG  # noqa: E402

pytestmark = pytest.mark.slow  # pictures drawn

COLUMNS = ("loss", "class_loss", "box_loss", "valid_loss", "valid_class_loss", "valid_box_loss", "valid_accuracy",
           "valid_mean_iou", "valid_iou50", "valid_joint")


def history(epochs=4, valid=True):
    rng = np.random.default_rng(0)
    columns = [name for name in COLUMNS if valid or not name.startswith("valid")]
    return History([{"epoch": e + 1, "seconds": 1.0, "lr": 0.1, **dict(zip(columns, rng.random(10), strict=False))}
                    for e in range(epochs)])


def samples(count=5, sizes=((40, 60),), classes=("cat", "dog", "fox")):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (*sizes[i % len(sizes)], 3), dtype=np.uint8) for i in range(count)]
    boxes = [(4, 6, image.shape[1] - 5, image.shape[0] - 3) for image in images]
    return Samples(images, np.arange(count) % len(classes), boxes, list("abcdefghijklmnop"[:count]), classes)


def perfect(part):
    return Prediction(part.labels.copy(), np.full((len(part), 3), 0.75), part.boxes.astype(float), part.classes)


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def rectangles(ax, color):
    found = [p for p in ax.patches if matplotlib.colors.to_hex(p.get_edgecolor()).lower() == color.lower()]
    return [(p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in found]


def opened(path):
    picture = PIL.open(path)
    picture.load()
    return np.asarray(picture.convert("RGB"))


def test_curves_draw_the_numbers_of_the_history():
    record = history(6)
    class_axes, box_axes, metric_axes = plots.curves(record).axes
    for ax, column in ((class_axes, "class_loss"), (box_axes, "box_loss")):
        train, valid = ax.lines[:2]
        assert train.get_ydata().tolist() == record.column(column)
        assert valid.get_ydata().tolist() == record.column(f"valid_{column}")
        assert train.get_linestyle() != valid.get_linestyle()  # not told apart by color alone
    assert [line.get_ydata().tolist() for line in metric_axes.lines[:3]] == [
        record.column(name) for name in ("valid_accuracy", "valid_mean_iou", "valid_joint")]
    for ax in (class_axes, box_axes, metric_axes):
        assert ax.get_xlabel() == "epoch" and ax.get_ylabel() and ax.get_title()
        dotted = [line for line in ax.lines if line.get_label() == "best epoch"]
        assert dotted[0].get_xdata() == [record.best_epoch] * 2


@pytest.mark.parametrize(("epochs", "valid", "panels"), [(1, True, 3), (3, False, 2), (100, True, 3)])
def test_curves_of_any_history(epochs, valid, panels, tmp_path):
    figure = plots.curves(history(epochs, valid))
    assert len(figure.axes) == panels
    for ax in figure.axes:
        assert all(float(tick).is_integer() for tick in ax.get_xticks())
    plots.save(figure, tmp_path / "curves.png")
    assert opened(tmp_path / "curves.png").std() > 10


def test_curves_of_nothing():
    with pytest.raises(DataError, match="no epoch"):
        plots.curves(History())


def test_predictions_say_what_is_right_and_what_is_wrong():
    part = samples(4)
    prediction = perfect(part)
    prediction.labels[1] = 0  # a dog called a cat
    prediction.boxes[2] = (0, 0, 5, 5)  # far off the fox
    figure = plots.predictions(part, prediction)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0] == "✓ cat 75%\nIoU 1.00"
    assert titles[1] == "✗ cat 75%\nis dog, IoU 1.00"
    assert titles[2].startswith("✗ fox 75%\nIoU 0.0")
    assert "2 of 4 right: right class and IoU ≥ 0.5" in texts(figure)
    framed = [matplotlib.colors.to_hex(ax.spines["left"].get_edgecolor()).lower() == WRONG.lower()
              for ax in figure.axes]
    assert framed == [False, True, True, False]
    assert {"truth", "prediction"} <= set(texts(figure.legends[0]))


def test_boxes_lie_on_the_pixels_they_name():
    part = samples(2, sizes=((40, 60), (30, 20)))
    prediction = perfect(part)
    prediction.boxes[:] += 1.5
    for i, ax in enumerate(plots.predictions(part, prediction).axes):
        height, width = part.images[i].shape[:2]
        assert ax.get_images()[0].get_extent() == [0, width, height, 0]  # half-open: the right edge is the width
        np.testing.assert_allclose(rectangles(ax, TRUTH), [part.boxes[i]])
        np.testing.assert_allclose(rectangles(ax, PREDICTION), [prediction.boxes[i]])


def test_large_pictures_are_reduced_with_their_boxes():
    part = samples(1, sizes=((900, 1200),))
    (ax,) = plots.contact_sheet(part).axes
    shown = ax.get_images()[0].get_array()
    assert max(shown.shape) <= 400
    scale = shown.shape[1] / 1200
    np.testing.assert_allclose(rectangles(ax, TRUTH), part.boxes * scale, atol=0.5)


def test_classes_are_compared_by_name():
    part = samples(3)
    prediction = perfect(part)
    prediction.classes, prediction.labels = ("fox", "dog", "cat"), 2 - part.labels
    assert "3 of 3 right: right class and IoU ≥ 0.5" in texts(plots.predictions(part, prediction))


def test_contact_sheet_shows_all_classes_in_turn():
    part = samples(15)
    titles = [ax.get_title() for ax in plots.contact_sheet(part, count=7).axes if ax.get_title()]
    assert titles == ["cat"] * 3 + ["dog"] * 2 + ["fox"] * 2


def test_what_cannot_be_drawn():
    part = samples(3)
    with pytest.raises(DataError, match="one prediction for each"):
        plots.predictions(part, perfect(samples(2)))
    with pytest.raises(DataError, match="empty"):
        plots.contact_sheet(part.subset([]))


def test_save_writes_whole_files_or_none(tmp_path):
    figure = plots.contact_sheet(samples(2))
    for name in ("a.png", "a.pdf", "a.svg"):
        plots.save(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    (tmp_path / "kept.png").write_bytes(b"before")
    figure.savefig = None  # drawing fails
    with pytest.raises(TypeError):
        plots.save(figure, tmp_path / "kept.png")
    assert (tmp_path / "kept.png").read_bytes() == b"before"
    with pytest.raises(DataError, match=r"ending must be one of .*png"):
        plots.save(figure, tmp_path / "a.doc")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg", "kept.png"]


def test_nothing_is_left_behind(tmp_path):
    before = dict(matplotlib.rcParams)
    plots.save(plots.predictions(samples(3), perfect(samples(3))), tmp_path / "a.png")
    plots.save(plots.curves(history()), tmp_path / "b.png")
    assert dict(matplotlib.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_notebook_shows_the_figure():
    assert plots.curves(history())._repr_png_().startswith(b"\x89PNG")


def test_annotate_keeps_the_picture_and_marks_the_box():
    image = np.full((300, 400, 3), 90, np.uint8)
    copy = np.asarray(plots.annotate(image, (100, 120, 250, 220), "cat 93 %"))
    assert copy.shape == image.shape and (image == 90).all()
    orange = (copy == [0xE6, 0x9F, 0x00]).all(axis=2)
    assert orange[170, 98:104].any() and orange[170, 246:254].any()  # the left and right sides
    assert orange[118:124, 200].any() and orange[216:224, 200].any()  # top and bottom
    assert (copy[130:210, 110:240] == 90).all()  # what is inside stays


@pytest.mark.parametrize("shape", [(1, 20000), (20000, 1), (2, 9000)])
def test_a_thin_picture_is_not_enlarged_without_bound(shape):
    image = np.full((*shape, 3), 90, np.uint8)
    drawn = [plots.annotate(image, (0, 0, shape[1], shape[0]), "cat"), plots.annotate_pose(image, np.zeros((14, 2)))]
    assert [copy.size for copy in drawn] == [shape[::-1]] * 2
    assert plots.annotate(image[:50, :50], (0, 0, 1, 1), "cat").height >= 240



@pytest.mark.parametrize("box", [(0, 0, 64, 64), (0, 0, 0, 0), (63, 63, 64, 64), (10, 50, 30, 64)])
def test_annotate_small_pictures_and_odd_boxes(box):
    copy = plots.annotate(np.zeros((64, 64, 3), np.uint8), box, "a rather long class name 100 %")
    assert copy.size == (256, 256)
    assert (np.asarray(copy) == [0xE6, 0x9F, 0x00]).all(axis=2).sum() > 200

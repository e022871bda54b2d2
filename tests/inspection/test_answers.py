"""What a model is shown, and where it is wrong."""

import numpy as np
import pytest
from inspection.looks import CLASSES, network, pictures, unchanged

import tinycnn as tc
from tinycnn.data import Augment, CutMix
from tinycnn.data.batches import batches
from tinycnn.data.dataset import Dataset


def test_the_answers_are_those_of_predict_and_the_numbers_those_of_evaluate():
    model, part = network(per_class_boxes=True), pictures(20)
    found = unchanged(model, lambda: tc.mistakes(model, part))
    answer, scores = model.predict(part.images), tc.evaluate(model, part)
    np.testing.assert_array_equal(found.labels, answer.labels)
    np.testing.assert_allclose(found.boxes, answer.boxes, atol=1e-4)
    assert found.right.mean() == pytest.approx(scores["accuracy"])
    assert found.iou.mean() == pytest.approx(scores["mean_iou"])


def test_classes_in_another_order_are_compared_by_name():
    model, part = network(), pictures(21)
    tc.fit(model, part, epochs=1, progress=False)
    other = part.relabel(CLASSES[::-1])
    assert tc.mistakes(model, other).by_class() == tc.mistakes(model, part).by_class()


@pytest.mark.parametrize(("model", "part", "error"), [
    ("a model", pictures(3), TypeError), (network(), pictures(3).images, TypeError),
    (network(), pictures(3).subset([]), tc.TinyCNNError),
    (network(), Dataset("d", pictures(3), pictures(3), pictures(3), []), TypeError)])  # fmt: skip
def test_what_cannot_be_taken_apart(model, part, error):
    with pytest.raises(error, match="mistakes takes|nothing to take apart"):
        tc.mistakes(model, part)


@pytest.mark.slow
@pytest.mark.parametrize("mix", [None, CutMix()])
def test_a_batch_is_shown_as_fit_will_show_it(mix):
    pytest.importorskip("matplotlib")
    part, augment = pictures(30), Augment.strong()
    figure = tc.show_batch(part, 16, most=5, augment=augment, batch_size=8, seed=7, epoch=2, mix=mix)
    first = next(batches(part, 8, 16, shuffle=True, augment=augment, seed=7, epoch=2, mix=mix))
    shown = [ax for ax in figure.axes if ax.get_title()]
    names = [CLASSES[label] for label in first.labels[:5]]
    if mix is not None:  # two in one, unless both are of one class
        names = [a if a == CLASSES[b] or s == 1 else f"{round(100 * s)}% {a}\n{100 - round(100 * s)}% {CLASSES[b]}"
                 for a, b, s in zip(names, first.others, first.shares, strict=False)]
        assert any("\n" in name for name in names)
    assert [ax.get_title() for ax in shown] == names
    for ax, image, (cx, cy, h, w) in zip(shown, first.images, first.codes, strict=False):
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), image)
        box = ax.patches[-1]
        middle = box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2
        np.testing.assert_allclose(middle, (16 * cx, 16 * cy), atol=1e-3)
        np.testing.assert_allclose((box.get_height(), box.get_width()), (16 * h, 16 * w), atol=1e-3)
    assert "5 of the 8 pictures in batch 1 of epoch 3, 16 x 16, augmented" in figure.get_suptitle()


@pytest.mark.slow
@pytest.mark.parametrize("given", [{"most": 0}, {"epoch": -1}])
def test_no_picture_of_no_epoch(given):
    with pytest.raises(ValueError, match="most is 1 or more, and epoch 0 or more"):
        tc.show_batch(tc.data.scenes(n=8, valid=0, test=0, image_size=32).train, 32, **given)


def test_a_batch_of_a_whole_data_set_without_augmentation():
    pytest.importorskip("matplotlib")
    figure = tc.show_batch(Dataset("d", pictures(4), pictures(3), pictures(3), []), 16)
    assert "4 of the 4 pictures in batch 1 of epoch 1, 16 x 16, no augmentation" in figure.get_suptitle()
    with pytest.raises(TypeError, match="show_batch takes Samples"):
        tc.show_batch(pictures(4).images)

"""The two-headed localizer: shapes, where the two gradients meet, and boxes in the pixels of each image."""

import weakref

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.classical.hog_svm import hog_svm
from tinycnn.classical.window import WindowDetector
from tinycnn.errors import DataError, ShapeError, TrainingError
from tinycnn.layers import Flatten, Linear, Sequential
from tinycnn.models.localizer import Localizer

SMALL = dict(num_classes=3, image_size=16, channels=(4, 8), hidden=12, seed=1)


def images(n, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def test_default_model_has_the_feature_vector_of_4096():
    model = tc.models.localizer()
    assert model.trunk["flatten1"].output_shape(model.trunk[:"pool4"].output_shape((64, 64, 3))) == (4096,)
    assert model.output_shape((64, 64, 3)) == ((10,), (4,))
    # By hand: four convolutions, 4096 -> 512, and the two heads.
    convolutions = sum(9 * c * f + f for c, f in ((3, 32), (32, 64), (64, 128), (128, 256)))
    assert sum(p.value.size for p in model.parameters().values()) == convolutions + 4097 * 512 + 513 * 14


@pytest.mark.parametrize("per_class", [False, True])
def test_forward_and_backward_shapes_and_dtypes(device, per_class):
    model = tc.models.localizer(**SMALL, per_class_boxes=per_class).to(device)
    x = model.normalize(to_device(images(5), device))
    scores, boxes = model.forward(x)
    assert scores.shape == (5, 3) and boxes.shape == ((5, 3, 4) if per_class else (5, 4))
    assert scores.dtype == boxes.dtype == x.dtype == np.float32
    dx = model.backward(scores, boxes, input_gradient=True)
    assert dx.shape == x.shape and dx.dtype == np.float32
    for name, parameter in model.parameters().items():
        assert parameter.grad.shape == parameter.value.shape, name
        assert parameter.grad.dtype == np.float32, name


def test_gradients_of_the_heads_are_added_at_the_features():
    model = tc.models.localizer(**SMALL).astype("float64")
    x = model.normalize(images(4))

    def trunk_gradient(class_part, box_part):
        scores, boxes = model.forward(x)
        rng = np.random.default_rng(3)
        model.backward(class_part * rng.standard_normal(scores.shape), box_part * rng.standard_normal(boxes.shape))
        return model.trunk["conv1"].w.grad

    both, one, other = trunk_gradient(1, 1), trunk_gradient(1, 0), trunk_gradient(0, 1)
    np.testing.assert_allclose(both, one + other, rtol=1e-10)
    assert np.abs(one).max() > 0 and np.abs(other).max() > 0


def test_without_input_gradient_the_parameters_get_the_same_gradients():
    model = tc.models.localizer(**SMALL)
    x = model.normalize(images(4))
    gradients = []
    for input_gradient in (True, False):
        scores, boxes = model.forward(x)
        dx = model.backward(scores, boxes, input_gradient=input_gradient)
        assert (dx is not None) == input_gradient
        gradients.append({name: p.grad for name, p in model.parameters().items()})
    for name in gradients[0]:
        np.testing.assert_array_equal(gradients[0][name], gradients[1][name])


def test_first_loss_is_log_k_and_first_box_is_the_mean_box():
    model = tc.models.localizer(**SMALL)
    codes = np.random.default_rng(0).uniform(0.2, 0.8, (50, 4))
    model.set_box_statistics(codes)
    scores, boxes = model.forward(model.normalize(images(30)))
    loss = tc.SoftmaxCrossEntropy().forward(scores, np.arange(30) % 3)
    assert abs(loss - np.log(3)) < 0.1
    np.testing.assert_allclose(model.box_mean, codes.mean(axis=0))
    assert np.abs(boxes).max() < 0.5  # half a standard deviation from the mean box


def test_standardize_and_boxes_in_pixels_are_inverse():
    model = tc.models.localizer(**SMALL)
    model.set_box_statistics([[0.5, 0.4, 0.3, 0.2], [0.3, 0.6, 0.5, 0.4]])
    boxes, sizes = np.array([[10.0, 20.0, 30.0, 60.0], [0.0, 0.0, 50.0, 40.0]]), np.array([[80, 100], [40, 50]])
    targets = model.standardize(tc.boxes.encode(boxes, sizes))
    np.testing.assert_allclose(model.boxes_in_pixels(targets, sizes), boxes, atol=1e-4)


def test_predict_answers_in_the_pixels_of_each_image(device):
    model = tc.models.localizer(**SMALL, classes=("a", "b", "c")).to(device)
    model.box_head.w.value *= 0
    model.set_box_statistics([[0.5, 0.5, 0.5, 0.25], [0.5, 0.5, 0.5, 0.25]])
    answer = model.predict([np.zeros((40, 80, 3), np.uint8), np.zeros((200, 100, 3), np.uint8)])
    np.testing.assert_allclose(answer.boxes, [[30, 10, 50, 30], [37.5, 50, 62.5, 150]], atol=1e-3)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, rtol=1e-5)
    name, probability, box = answer[1]
    assert name in model.classes and probability == answer.probabilities[1].max() and box.shape == (4,)


def test_predicted_boxes_are_clipped_to_the_image():
    model = tc.models.localizer(**SMALL)
    model.box_head.b.value[:] = [0, 0, 50, 50]
    np.testing.assert_allclose(model.predict(images(1)).boxes, [[0, 0, 16, 16]])


def test_predict_takes_one_image_or_a_batch_and_leaves_the_mode_alone():
    model = tc.models.localizer(**SMALL, dropout=0.5)
    batch = images(3)
    model.train()
    alone, together = model.predict(batch[1]), model.predict(batch)
    assert model.training and len(alone) == 1 and len(together) == 3
    np.testing.assert_allclose(alone.boxes[0], together.boxes[1], rtol=1e-4)
    np.testing.assert_array_equal(model.predict(batch, batch_size=2).labels, together.labels)


@pytest.mark.parametrize(
    "bad, words",
    [
        ([], "at least one image"),
        (np.zeros((4, 4), np.uint8), "expected uint8"),
        (np.zeros((1, 4, 4, 1), np.uint8), "shape \\(4, 4, 1\\)"),
        (np.zeros((4, 4, 3), np.float32), "expected uint8"),
    ],
)
def test_predict_says_what_is_wrong_with_an_image(bad, words):
    with pytest.raises(DataError, match=words):
        tc.models.localizer(**SMALL).predict(bad)


class Asked:
    """Pictures that exist only while somebody holds them; `most` is how many did at the same time."""

    def __init__(self, shapes):
        self.shapes, self.asked, self.most, self.alive = shapes, [], 0, []

    def __len__(self):
        return len(self.shapes)

    def __getitem__(self, i):
        self.asked.append(i)
        image = np.full((*self.shapes[i], 3), 9 * i, np.uint8)
        self.alive = [ref for ref in self.alive if ref() is not None] + [weakref.ref(image)]
        self.most = max(self.most, len(self.alive))
        return image


@pytest.mark.parametrize("build", [
    lambda: tc.models.localizer(**SMALL), lambda: tc.models.pose_resnet(16, (4,), 8),
    lambda: hog_svm(3, window=16),
])
def test_predict_holds_one_picture_at_a_time(build):
    model, shapes = build(), [(20, 30), (16, 16), (40, 10), (9, 9), (25, 25)]
    asked = Asked(shapes)
    more = {} if isinstance(model, WindowDetector) else {"batch_size": 3}
    answer = model.predict(asked, **more)
    assert asked.asked == [0, 1, 2, 3, 4] and asked.most == 1
    places = "joints" if hasattr(answer, "joints") else "boxes"
    together = model.predict([Asked(shapes)[i] for i in range(5)], **more)
    np.testing.assert_array_equal(getattr(answer, places), getattr(together, places))
    assert len(model.predict(Asked(shapes)[i] for i in range(2))) == 2


@pytest.mark.parametrize("build", [
    lambda: tc.models.localizer(**SMALL), lambda: tc.models.localizer(**SMALL, mirror=True),
    lambda: tc.models.pose_resnet(16, (4,), 8), lambda: hog_svm(3, window=16),
])
@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.filterwarnings("error")
def test_a_network_that_answers_nan_says_so_in_one_sentence(build, number):
    model = build()
    name, last = list(model.parameters().items())[-1]
    last.value[:] = number
    with pytest.raises(TrainingError, match=f"answers NaN or infinity, since its weights are no numbers .{name}"):
        model.predict(images(2))


@pytest.mark.filterwarnings("error")
def test_neither_predict_nor_evaluate_counts_nan():
    model = tc.models.localizer(**SMALL)
    samples = tc.data.Samples(images(4), [0, 1, 2, 0], [[1, 1, 9, 9]] * 4, list("wxyz"), ("0", "1", "2"))
    model.class_head.w.value[0, 0] = np.nan
    for answer in (lambda: model.predict(samples.images), lambda: tc.evaluate(model, samples)):
        with pytest.raises(TrainingError, match="answers NaN or infinity"):
            answer()


def test_per_class_boxes_take_the_box_of_the_predicted_class():
    model = tc.models.localizer(**SMALL, per_class_boxes=True)
    model.box_head.w.value *= 0
    model.box_head.b.value[:] = np.arange(12)
    scores, boxes = model.forward(model.normalize(images(2)))
    chosen = model.boxes_in_pixels(boxes, np.array([[16, 16]] * 2), labels=np.array([0, 2]))
    expected = tc.boxes.decode(np.arange(12).reshape(3, 4)[[0, 2]] * 0.25 + 0.5, np.array([[16, 16]] * 2))
    np.testing.assert_allclose(chosen, tc.boxes.clip(expected, np.array([[16, 16]] * 2)), atol=1e-4)


def test_heads_of_the_wrong_width_are_refused_at_construction():
    trunk = Sequential(Flatten(), input_shape=(2, 2, 3))
    with pytest.raises(ShapeError, match="the box head must give 4 numbers"):
        Localizer(trunk, Linear(12, 2), Linear(12, 5), ("a", "b"), image_size=2)


def test_same_seed_same_weights():
    one, two, other = (tc.models.localizer(**{**SMALL, "seed": seed}) for seed in (1, 1, 2))
    for name, parameter in one.parameters().items():
        np.testing.assert_array_equal(parameter.value, two.parameters()[name].value)
    assert not np.array_equal(one.trunk["conv1"].w.value, other.trunk["conv1"].w.value)
    assert to_numpy(one.trunk["conv1"].w.value).std() > 0


def test_a_trunk_whose_backward_somebody_replaced_is_called_as_ever():
    model = tc.models.localizer(3, image_size=16, channels=(4,), hidden=8)
    was, calls = model.trunk.backward, []
    model.trunk.backward = lambda dy: calls.append(1) or was(dy)
    scores, boxes = model.forward(np.zeros((2, 16, 16, 3), np.float32))
    model.backward(scores, boxes)
    assert calls == [1]

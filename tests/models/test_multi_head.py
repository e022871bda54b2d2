"""A trunk with any number of heads: against the localizer, through every step of a training, and out again."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from test_steering import samples as pictures

import tinycnn as tc
from tinycnn.box_losses import GIoULoss
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.data import Augment, CutMix, HeadDataset, HeadSamples, Mixup
from tinycnn.errors import CheckpointError, DataError, ShapeError
from tinycnn.history import History
from tinycnn.layers import Linear, Sequential
from tinycnn.models import BoxHead, ClassHead, MultiHead, NumbersHead, PointsHead, multi_head
from tinycnn.optim import SGD, Adam
from tinycnn.tasks import task_of

ANSWERS = {"color": ["a", "b", "c"], "box": "box", "corners": {"points": ["left", "right"], "mirrored": [1, 0]},
           "area": {"numbers": ["pixels"]}}  # fmt: skip
SMALL = {"image_size": 16, "channels": (4,), "hidden": 8}


def samples(n=24, seed=0):
    """Of tests/test_steering.py, with the lower corners of the box as points, one of which is hidden now and then."""
    some = pictures(n, seed=seed)
    for image, (xmin, ymin, xmax, ymax) in zip(some.images, some.boxes.round().astype(int), strict=True):
        image[ymin:ymax, xmin:xmax] //= 2  # now it can be seen where the box is
    xmin, _, xmax, ymax = some.boxes.T.astype(float)
    corners = np.stack([np.stack([xmin, ymax], 1), np.stack([xmax, ymax], 1)], 1)
    corners[::5, 0] = np.nan
    area = (xmax - xmin) * (ymax - some.boxes[:, 1])
    return HeadSamples.of(some, corners=corners, area=area, color=np.array(some.classes)[some.labels])


def losses(**others):
    return tc.HeadLosses({"color": tc.SoftmaxCrossEntropy(), "box": GIoULoss(), "corners": tc.L2Loss(),
                          "area": tc.box_losses.SmoothL1Loss()} | others, {"box": 2.0})  # fmt: skip


def train(model=None, valid=None, epochs=2, data=None, **options):
    model = multi_head(ANSWERS, **SMALL) if model is None else model
    options = {"batch_size": 8, "optimizer": SGD(model, lr=0.05), "progress": False} | options
    return model, tc.fit(model, samples() if data is None else data, valid, epochs=epochs, **options)


def numbers(model):
    return {name: held.value.copy() for name, held in (model.parameters() | model.buffers()).items()}


def expect_equal(one, other):
    assert one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())


# --- two heads are the localizer ---


@pytest.mark.parametrize("augment", [None, Augment()])
def test_with_a_class_and_a_box_it_is_the_localizer(augment):
    """The same pictures, in the same order, through the same windows, give the same steps."""
    localizer = tc.models.localizer(3, 16, channels=(4,), hidden=8, classes=("a", "b", "c"))
    heads = {"class": ClassHead(Linear(8, 3), classes=["a", "b", "c"]), "box": BoxHead(Linear(8, 4))}
    model = MultiHead(tc.models.localizer(3, 16, channels=(4,), hidden=8).trunk, heads, 16)
    for head, theirs in zip(heads.values(), (localizer.class_head, localizer.box_head), strict=True):
        head[0].w.value, head[0].b.value = theirs.w.value.copy(), theirs.b.value.copy()
    some, options = pictures(), {"epochs": 3, "batch_size": 8, "progress": False, "augment": augment}
    first = tc.fit(localizer, some, pictures(12, seed=1), optimizer=SGD(localizer, lr=0.05), **options)
    second = tc.fit(model, HeadSamples.of(some), HeadSamples.of(pictures(12, seed=1)),
                    optimizer=SGD(model, lr=0.05), **options)  # fmt: skip
    for name in ("loss", "class_loss", "box_loss", "valid_loss"):
        np.testing.assert_allclose(first.column(name), second.column(name), rtol=1e-5)
    images = pictures(5, seed=2).images
    one, other = localizer.predict(images), model.predict(images)
    np.testing.assert_allclose(one.probabilities, other["class"].probabilities, atol=1e-5)
    np.testing.assert_allclose(one.boxes, other["box"], atol=1e-4)
    measured = tc.evaluate(localizer, pictures(12, seed=1)), tc.evaluate(model, HeadSamples.of(pictures(12, seed=1)))
    assert measured[0]["mean_iou"] == pytest.approx(measured[1]["box/mean_iou"], abs=1e-5)
    assert measured[0]["accuracy"] == measured[1]["class/accuracy"]


# --- gradients ---


def test_gradients_of_all_heads_meet_in_the_trunk():
    model = multi_head(ANSWERS, image_size=8, channels=(4,), hidden=16)
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 3))
    report = tc.gradcheck(model, x)
    assert report.ok, report
    model = model.astype("float64")
    outputs = model.forward(x)
    whole = model.backward(outputs, input_gradient=True)
    shares = []
    for name in ANSWERS:  # backward is linear: one head after the other gives the same sum
        model.forward(x)
        shares.append(model.backward({name: outputs[name]}, input_gradient=True))
    np.testing.assert_allclose(sum(shares), whole, atol=1e-12)
    model.forward(x)
    with pytest.raises(ShapeError, match="gradients of the shapes that forward returned"):
        model.backward({"box": outputs["box"][:1]})
    with pytest.raises(ShapeError, match="got {}"):
        model.backward({})


def test_the_loss_is_the_weighted_sum_and_so_are_its_gradients():
    model, data = multi_head(ANSWERS, **SMALL), samples(8)
    task, loss = task_of(model), losses()
    data, _ = task.fitting(data, None)
    task.prepare(data, None, 0, loss)
    (batch,) = task.batches(data, 8, shuffle=False, workers=0)
    outputs, truth = model.forward(model.normalize(batch.images)), task.truth(batch)
    value, terms = float(loss.forward(outputs, truth)), {name: float(term) for name, term in loss.terms.items()}
    assert value == pytest.approx(terms["color"] + 2 * terms["box"] + terms["corners"] + terms["area"])
    for name, gradient in loss.backward().items():
        one = loss.losses[name]
        assert float(one.forward(outputs[name], *truth[name])) == pytest.approx(terms[name])
        np.testing.assert_allclose(gradient, one.backward() * loss.weights[name])
    hidden = np.isnan(batch.codes["corners"]).reshape(8, -1)
    loss.forward(outputs, truth)
    assert hidden.any() and not loss.backward()["corners"][hidden].any()


def test_a_head_of_weight_zero_neither_learns_nor_pulls():
    data = samples()
    lone, _ = train(loss=tc.HeadLosses(losses().losses, {"box": 0, "corners": 0, "area": 0}))
    before = multi_head(ANSWERS, **SMALL)
    for name in ("box", "corners", "area"):
        expect_equal({name: p.value for name, p in lone.heads[name].parameters().items()},
                     {name: p.value for name, p in before.heads[name].parameters().items()})  # fmt: skip
    assert not np.array_equal(lone.heads["color"][0].w.value, before.heads["color"][0].w.value) and len(data) == 24


# --- training ---


def test_it_learns_what_every_head_is_to_give():
    model = multi_head(ANSWERS, image_size=16, channels=(8,), hidden=32)
    data = HeadDataset("squares", samples(64), samples(24, seed=1), samples(24, seed=2))
    history = tc.fit(model, data, epochs=25, batch_size=8, optimizer=Adam(model, lr=4e-3), progress=False)
    measured = tc.evaluate(model, data.test, data.train)
    assert measured["color/accuracy"] > 0.9 > measured["constant/color/accuracy"]
    assert measured["box/mean_iou"] > 0.8 and measured["corners/near"] > 0.8
    for what in ("corners/distance", "area/error"):
        assert measured[what] < measured[f"constant/{what}"] / 1.5
    assert {"color_loss", "valid_box/mean_iou", "valid_area_loss"} <= set(history.rows[0])
    assert history.column("valid_loss")[history.best_epoch - 1] == min(history.column("valid_loss"))
    answer = model.predict(data.test.images[:3])
    assert answer["color"].classes == ("a", "b", "c") and answer["box"].shape == (3, 4)
    assert answer["corners"].shape == (3, 2, 2) and answer["area"].shape == (3, 1)
    assert "box/mean_iou" in task_of(model).comparison_table(measured) and "box/iou50" in str(history)
    found = tc.inspection.head_pulls(model, data.test)
    assert (found.norms > 0).all() and np.allclose(np.diag(found.cosines), 1) and "cosine to box" in str(found)
    assert tc.lr_find(model, data, steps=20, progress=False).rates.size > 5
    assert tc.plots.curves(history) is not None


PROGRAM = """
import os, signal, sys
import numpy as np, tinycnn as tc
sys.path[:0] = {path!r}
from test_multi_head import ANSWERS, losses, samples
from tinycnn.data import Augment, CutMix
from tinycnn.optim import Adam
def kill(what, model):
    if sys.argv[2:] and what["step"] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
model = tc.models.multi_head(ANSWERS, body="resnet", image_size=16, channels=(4,), hidden=8, dropout=0.2)
from tinycnn.class_losses import WeightedCrossEntropy
tc.fit(model, samples(), samples(12, seed=1), epochs=3, batch_size=8, loss=losses(color=WeightedCrossEntropy()),
       augment=Augment(), mix=CutMix(), optimizer=Adam(model, lr=1e-3), out=sys.argv[1], resume=True, average=0.9,
       on_step=kill, progress=False)
tc.save(model, sys.argv[1] + "/last.npz")
"""


def test_a_run_that_was_killed_ends_with_the_same_bits(tmp_path):
    """BatchNorm2d, GIoU, four heads, dropout, augmentation, CutMix, an average: kill -9 in the third epoch."""
    program = PROGRAM.format(path=[os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))])

    def run(folder, *killed):
        return subprocess.run([sys.executable, "-c", program, str(tmp_path / folder), *killed], capture_output=True,
                              text=True)

    whole, killed = run("whole"), run("run", "8")
    assert whole.returncode == 0, whole.stderr
    assert killed.returncode == -signal.SIGKILL and not (tmp_path / "run/last.npz").exists()
    assert (tmp_path / "run/checkpoint.npz").exists()
    again = run("run")
    assert again.returncode == 0, again.stderr
    one, other = (tc.load(tmp_path / folder / "last.npz") for folder in ("whole", "run"))
    expect_equal(numbers(one), numbers(other))
    images = samples(5, seed=3).images
    answers = [model.predict(images) for model in (one, other)]
    assert all(np.array_equal(answers[0][name], answers[1][name]) for name in ("box", "corners", "area"))
    assert np.array_equal(answers[0]["color"].probabilities, answers[1]["color"].probabilities)
    tc.save(one, tmp_path / "again.npz")
    expect_equal(numbers(tc.load(tmp_path / "again.npz")), numbers(one))


def test_a_run_goes_on_only_with_the_same_answers(tmp_path):
    train(out=tmp_path / "run")
    other = samples()
    other.answers["area"] = other.answers["area"] + (np.arange(24) == 3)
    with pytest.raises(CheckpointError, match=r"1 answer for the head area has changed \(3\)"):
        train(out=tmp_path / "run", resume=True, data=other)
    assert len(train(out=tmp_path / "run", resume=True, epochs=3)[1]) == 3


@pytest.mark.parametrize("options", [
    {"freeze": ("heads.box", 5)}, {"balance": True}, {"accumulate": 2, "average": 0.9, "restore_best": True},
    {"clip_norm": 1.0, "gradcheck_every": 3, "detect_anomaly": True}, {"device": "simulated", "augment": Augment()},
    {"mix": Mixup(1.0), "gradcheck_every": 3},
])  # fmt: skip
def test_what_fit_can_do_it_does_with_many_heads(options):
    before = numbers(multi_head(ANSWERS, **SMALL))
    model, history = train(valid=samples(12, seed=1), **options)
    assert len(history) == 2 and all(np.isfinite(list(row.values())).all() for row in history.rows)
    after = numbers(model.to("cpu"))
    assert np.array_equal(after["heads.box.fc1.w"], before["heads.box.fc1.w"]) == ("freeze" in options)


def test_mixed_pictures_have_shares_of_every_class_and_the_places_of_one():
    model = multi_head(ANSWERS | {"shape": ["round", "square"]}, **SMALL)
    data = samples()
    data.answers["shape"] = np.array(["round", "square"])[np.arange(24) // 12]
    task = task_of(model)
    data, _ = task.fitting(data, None)
    how = {"shuffle": True, "seed": 2, "workers": 0}
    (plain, *_), (mixed, *_) = (list(task.batches(data, 8, mix=mix, **how)) for mix in (None, CutMix()))
    for name in ("box", "corners", "area"):
        np.testing.assert_array_equal(plain.codes[name], mixed.codes[name])
    truth = task.truth(mixed)
    for name in ("color", "shape"):
        (shares,) = truth[name]
        expected = mixed.mixed.shares[:, None] * np.eye(shares.shape[1])[plain.codes[name]]
        assert (shares >= expected - 1e-12).all() and np.allclose(shares.sum(axis=1), 1) and (shares < 0.99).any()
    assert mixed.first(3).other_codes["color"].shape == (3,)


# --- answers follow their picture ---


def test_points_and_boxes_follow_the_same_window():
    """The corners of a box, as points, stay its corners; in a mirror left and right change places."""
    model, data = multi_head(ANSWERS, **SMALL), samples()
    task = task_of(model)
    data, _ = task.fitting(data, None)
    augment = Augment(scale=(1.0, 1.2), keep=1.0, color=(0, 0, 0))
    (batch,) = task.batches(data, 24, shuffle=False, workers=0, augment=augment, seed=1)
    (cx, cy, h, w), corners = batch.codes["box"].T, batch.codes["corners"]
    seen = ~np.isnan(corners[:, :, 0])
    for k, x in enumerate((cx - w / 2, cx + w / 2)):
        np.testing.assert_allclose(corners[seen[:, k], k], np.stack([x, cy + h / 2], 1)[seen[:, k]], atol=1e-6)
    assert (seen.sum(axis=0) < 24).all()  # hidden ones are left and right now
    np.testing.assert_array_equal(batch.codes["area"], data.answers["area"])


def test_an_augmentation_of_ones_own_gets_all_answers():
    def dark(image, answers, size, rng):
        assert set(answers) == set(ANSWERS)
        return image // 2, answers | {"area": answers["area"] * 0 + 7}

    model, _ = train(augment=dark)
    assert np.allclose(model.heads["area"].statistics.value[0], 7)


# --- files ---


def test_it_is_saved_with_all_that_it_answers_by(tmp_path):
    model, _ = train()
    tc.save(model, tmp_path / "model.npz")
    loaded = tc.load(tmp_path / "model.npz")
    assert isinstance(loaded, MultiHead) and loaded.has_statistics and loaded.heads["corners"].mirrored == (1, 0)
    expect_equal(numbers(loaded), numbers(model))
    own = MultiHead(Sequential(model.trunk), model.heads, 16)
    tc.save(own, tmp_path / "own.npz")
    with pytest.raises(CheckpointError, match="into=model"):
        tc.load(tmp_path / "own.npz")
    tc.load(tmp_path / "own.npz", into=own)


def test_onnxruntime_answers_by_head(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model, _ = train()
    tc.to_onnx(model, tmp_path / "model.onnx")
    session, images = onnxruntime.InferenceSession(tmp_path / "model.onnx"), samples(3, seed=1).images
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"pixels": images.astype(np.float32)}), strict=True))
    answer = model.predict(images)
    assert set(found) == set(ANSWERS)
    np.testing.assert_allclose(found["color"], answer["color"].probabilities, atol=1e-5)
    np.testing.assert_allclose(np.clip(found["box"] * 16, 0, 16), answer["box"], atol=1e-4)
    np.testing.assert_allclose(found["corners"] * 16, answer["corners"], atol=1e-4)
    np.testing.assert_allclose(found["area"], answer["area"], rtol=1e-5)
    assert session.get_modelmeta().custom_metadata_map == {"classes of color": "a\nb\nc"}


# --- what cannot be ---


@pytest.mark.parametrize("answers, said", [
    ({"box": None}, "none for 'box'"),
    ({"color": [0] * 24}, r"names of classes \(N,\), got int64 .* np.array\(classes\)\[labels\]"),
    ({"color": ["a"] * 23 + ["d"]}, "sample 23 .* is of the class 'd', and the head 'color' knows a, b, c"),
    ({"box": np.tile([5, 5, 2, 9], (24, 1))}, "sample 0 .* has no area in its picture"),
    ({"box": np.tile([0, 0, np.nan, 9], (24, 1))}, "for the head 'box'"),
    ({"corners": np.zeros((24, 3, 2))}, r"takes numbers \('N', 2, 2\), got float64 \(24, 3, 2\)"),
    ({"corners": np.full((24, 2, 2), np.nan)}, "never have number 1 of 4 for the head 'corners'"),
    ({"area": ["a"] * 24}, "the head 'area' takes numbers"),
    ({"area": [1.0] * 23}, "24 images but 23 answers for 'area'"),
])  # fmt: skip
def test_answers_that_do_not_fit_are_refused(answers, said):
    some = samples()
    with pytest.raises(DataError, match=said):
        given = {name: value for name, value in (some.answers | answers).items() if value is not None}
        train(data=HeadSamples(some.images, given, some.names))


@pytest.mark.parametrize("options, error, said", [
    ({"loss": tc.MultiTaskLoss()}, TypeError, "is no loss of several heads: tinycnn.HeadLosses"),
    ({"loss": tc.HeadLosses({"box": tc.L2Loss()})}, TypeError, "give each its loss, with a weight of 0"),
    ({"loss": losses(), "mix": Mixup()}, TypeError, "the loss of 'color', SoftmaxCrossEntropy"),
    ({"data": pictures()}, TypeError, "fit takes HeadSamples for a MultiHead, got a Samples"),
    ({"augment": "light"}, TypeError, "picture, answers by head, side and generator"),
])  # fmt: skip
def test_what_does_not_train_many_heads_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        train(**options)


def test_what_cannot_be_built_is_refused():
    trunk = tc.models.localizer(3, 16, channels=(4,), hidden=8).trunk
    box = BoxHead(Linear(8, 4))
    for make, error, said in (
        (lambda: MultiHead(trunk, {}, 16), TypeError, "heads by name"),
        (lambda: MultiHead(trunk, {"box": Linear(8, 4)}, 16), TypeError, "heads by name"),
        (lambda: MultiHead(trunk, {"a.b": box}, 16), ValueError, "letters, digits and _"),
        (lambda: MultiHead(trunk, {"box": BoxHead(Linear(8, 5))}, 16), ShapeError, "the head 'box' must give 4"),
        (lambda: ClassHead(Linear(8, 3), classes="abc"), ValueError, "in a list"),
        (lambda: ClassHead(Linear(8, 2), classes=["a", "a"]), ValueError, "each another one"),
        (lambda: PointsHead(Linear(8, 4), names=["l", "r"], mirrored=[1, 1]), ValueError, "mirrored names each of 2"),
        (lambda: MultiHead(trunk, {"n": NumbersHead(Linear(8, 1), names="ab")}, 16), ShapeError, "'n' must give 2"),
        (lambda: multi_head({"x": 5}), ValueError, "'x' is 5"),
        (lambda: multi_head([5]), TypeError, "answers are a dictionary"),
        (lambda: multi_head(body="vgg"), ValueError, "localizer or resnet"),
        (lambda: tc.HeadLosses({"box": tc.L2Loss}), TypeError, "an object with forward and backward"),
        (lambda: tc.HeadLosses({"box": tc.L2Loss()}, {"boxes": 1}), ValueError, "numbers, 0 or more, for box"),
        (lambda: HeadSamples(np.zeros((1, 4, 4, 3), np.uint8), [1], ["a"]), DataError, "answers are a dictionary"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            make()
    model = multi_head({"one": ["a", "b"], "two": ["c", "d"]}, **SMALL)
    data = pictures()
    some = HeadSamples(data.images, {"one": ["a", "b"] * 12, "two": ["c"] * 24}, data.names)
    with pytest.raises(TypeError, match="MultiHead has several heads that give one"):
        train(model, data=some, balance=True)
    assert tc.fit(model, some, epochs=1, mix=Mixup(), progress=False).column("two_loss")  # classes alone have no place
    assert isinstance(task_of(model).usual_loss(Mixup()).losses["one"], WeightedCrossEntropy)
    assert History([{"epoch": 1, "loss": 1.0}]).best_epoch == 1


@pytest.mark.parametrize("build", [lambda: multi_head(ANSWERS, **SMALL), lambda: tc.models.pose_resnet(16, (4,))])
def test_what_looks_at_a_class_and_a_box_says_so(build):
    model, some = build(), pictures(4)
    step = some.images, some.labels, some.boxes
    for look in (lambda: tc.trace(model, *step), lambda: tc.diagnose(model, some), lambda: tc.mistakes(model, some),
                 lambda: tc.inspection.report(model, some, "nowhere"), lambda: tc.explore(model, some),
                 lambda: tc.inspection.saliency(model, some.images[0]),
                 lambda: tc.inspection.occlusion(model, some.images[0]),
                 lambda: tc.inspection.head_gradients(model, *step),
                 lambda: tc.inspection.provenance(model, *step, "conv1", (0, 0, 0, 0))):  # fmt: skip
        with pytest.raises(TypeError, match="a class head and a box head|with classes and boxes"):
            look()
    with pytest.raises(TypeError, match="diagnose takes Samples or a data set"):
        tc.diagnose(tc.models.localizer(3, 16, channels=(4,), hidden=8), samples(4))
    with pytest.raises(TypeError, match="head_pulls takes a MultiHead, got a Localizer"):
        tc.inspection.head_pulls(tc.models.localizer(3, 16, channels=(4,), hidden=8), samples(4))


def test_people_and_scenes_are_taken_as_they_are():
    people = HeadSamples.of(tc.data.draw_people(n=4, image_size=32, valid=1, test=1).train)
    assert set(people.answers) == {"joints", "box"} and len(people.subset([0, 2])) == 2
    assert repr(people) == "HeadSamples(4 pictures, answers for joints, box)"
    assert HeadSamples.of(pictures(3)).answers["class"].tolist() == ["a", "b", "c"]

"""What people change in a training, and what must then be right, or be said in a sentence."""

import copy
import os
import subprocess
import sys
import types

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.data.dataset import Samples
from tinycnn.errors import CheckpointError, DataError, ShapeError
from tinycnn.layers import Layer, Linear, Sequential
from tinycnn.optim import SGD, Adam
from tinycnn.own_code import name_of, own_code

SMALL = {"num_classes": 3, "image_size": 16, "channels": (4,), "hidden": 8, "classes": ("a", "b", "c")}


def samples(n=24, classes=("a", "b", "c"), seed=0):
    """Pictures whose color is their class: a is red, b green, c blue."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(classes)
    colors = np.array([[200 if name == channel else 60 for channel in "abc"] for name in classes])[labels]
    images = (colors[:, None, None, :] + rng.integers(-10, 10, (n, 16, 16, 3))).astype(np.uint8)
    boxes = np.tile([2.0, 3.0, 11.0, 13.0], (n, 1)) + rng.uniform(-2, 2, (n, 4))
    return Samples(images, labels, boxes, [str(i) for i in range(n)], classes)


@pytest.fixture(scope="module")
def trained():
    model = tc.models.localizer(**SMALL)
    tc.fit(model, samples(), epochs=30, batch_size=8, optimizer=Adam(model, lr=3e-3), progress=False)
    return model


# --- classes have names ---


def test_classes_in_another_order_are_the_same_classes(trained):
    in_order, other = samples(), samples(classes=("c", "a", "b"))
    assert tc.evaluate(trained, in_order)["accuracy"] > 0.9
    assert tc.evaluate(trained, other, other)["accuracy"] > 0.9


def test_validation_samples_count_in_the_training_samples_labels():
    rows = []
    for valid in (samples(), samples(classes=("c", "a", "b"))):
        model = tc.models.localizer(**SMALL)
        rows.append(tc.fit(model, samples(), valid, epochs=30, batch_size=8, optimizer=Adam(model, lr=3e-3),
                           progress=False).rows[-1])  # fmt: skip
    assert rows[0]["valid_accuracy"] > 0.9 and rows[1]["valid_accuracy"] > 0.9


def test_going_on_with_other_classes_is_refused_until_they_are_named(trained, tmp_path):
    with pytest.raises(DataError, match="has learned a, b, c, and the training samples have x, y, z"):
        tc.fit(trained, samples(classes=("x", "y", "z")), epochs=1, progress=False)
    tc.save(trained, tmp_path / "model.npz")
    model = tc.load(tmp_path / "model.npz")
    model.class_head, model.classes = Linear(8, 3), ("x", "y", "z")
    tc.fit(model, samples(classes=("x", "y", "z")), epochs=1, progress=False)
    assert model.predict(samples(1).images)[0][0] in "xyz"
    with pytest.raises(DataError, match="classes that the model does not know: q"):
        tc.evaluate(trained, samples(classes=("a", "b", "q")))


@pytest.mark.parametrize("per_class", [False, True])
def test_a_new_head_learns_other_classes_and_is_saved_with_them(trained, tmp_path, per_class):
    model = tc.models.localizer(**SMALL, per_class_boxes=per_class)
    tc.fit(model, samples(), epochs=1, progress=False)
    trunk, box = model.trunk["conv1"].w.value.copy(), model.box_head
    model.replace_head("class", 2)
    assert np.array_equal(model.trunk["conv1"].w.value, trunk) and (model.box_head is box) != per_class
    with pytest.raises(DataError, match=r"made anew for 2 classes, and the training samples have 3"):
        tc.fit(model, samples(), epochs=1, progress=False)
    two = samples(classes=("c", "b"))
    tc.fit(model, two, epochs=20, batch_size=8, optimizer=Adam(model, lr=3e-3), progress=False)
    assert model.classes == ("c", "b") and tc.evaluate(model, two)["accuracy"] > 0.9
    with pytest.raises(DataError, match=r'model.replace_head\("class", samples.classes\)'):
        tc.fit(model, samples(classes=("x", "y")), epochs=1, progress=False)
    tc.save(model, tmp_path / "model.npz")
    loaded = tc.load(tmp_path / "model.npz")
    assert loaded.classes == ("c", "b")
    np.testing.assert_array_equal(loaded.predict(two.images).boxes, model.predict(two.images).boxes)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_an_optimizer_takes_a_new_head_as_new(kind):
    def step(model, optimizer):
        scores, boxes = model.forward(np.ones((2, 16, 16, 3), np.float32))
        model.backward(scores, boxes)
        optimizer.step()

    model = tc.models.localizer(**SMALL)
    optimizer = kind(model, lr=0.01)
    step(model, optimizer)
    model.replace_head("class", 2)
    other = copy.deepcopy(model)
    step(model, optimizer)
    step(other, kind(other, lr=0.01))
    np.testing.assert_array_equal(model.class_head.w.value, other.class_head.w.value)


def test_a_new_head_comes_where_and_as_the_old_one_was():
    model = tc.models.resnet_localizer(3, image_size=16, channels=(4, 8), hidden=8).astype("float64").to("simulated")
    model.replace_head("class", ("x", "y"))
    model.replace_head("box")
    assert model.classes == ("x", "y") and list(model.class_head.children())[0] == "globalavgpool2d1"
    scores, boxes = model.forward(model.normalize(tc.backend.to_device(samples(2).images, "simulated")))
    assert scores.shape == (2, 2) and scores.dtype == np.float64 and tc.backend.device_of(boxes) == "simulated"
    for which, classes in (("class", None), ("box", 3), ("trunk", 2)):
        with pytest.raises(ValueError, match="replace_head takes"):
            model.replace_head(which, classes)
    model.class_head = Sequential(model.class_head, tc.layers.ReLU())
    with pytest.raises(TypeError, match=r"the last layer of a head, and that is ReLU\(\)"):
        model.replace_head("class", 2)


# --- what took no part stays ---


def test_a_frozen_trunk_stays_as_it_is():
    rng = np.random.default_rng(0)
    trunk, head = Sequential(Linear(4, 3, rng=rng)), Sequential(Linear(3, 2, rng=rng))
    net = Sequential(trunk, head)
    optimizer = SGD(net, lr=0.1, momentum=0.9, weight_decay=0.1)
    x = rng.standard_normal((5, 4)).astype(np.float32)
    net.backward(net.forward(x))
    optimizer.step()
    before = {name: p.value.copy() for name, p in net.parameters().items()}
    for _ in range(3):
        with trunk.predicting():
            features = trunk.forward(x)
        head.backward(head.forward(features), input_gradient=False)
        optimizer.step()
    for name, parameter in net.parameters().items():
        assert np.array_equal(parameter.value, before[name]) == name.startswith("sequential1"), name


def test_what_was_frozen_learns_again():
    model = tc.models.localizer(**SMALL)
    model.train()
    model.trunk.freeze()
    assert not model.trunk.training and model.class_head.training and model.trunk["conv1"].w.frozen
    assert model.unfreeze().train().trunk.training and not any(p.frozen for p in model.parameters().values())


def test_an_optimizer_of_another_model_is_refused():
    model, other = tc.models.localizer(**SMALL), tc.models.localizer(**SMALL)
    with pytest.raises(ValueError, match="made for another model"):
        tc.fit(model, samples(), epochs=1, optimizer=SGD(other), progress=False)


def test_layers_in_a_list_are_found():
    class Stack(Layer):
        def __init__(self):
            self.blocks = [Linear(3, 3), Linear(3, 3)]
            self.by_name = {"last": Linear(3, 1)}

        def forward(self, x):
            for layer in (*self.blocks, self.by_name["last"]):
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in (self.by_name["last"], *reversed(self.blocks)):
                dy = layer.backward(dy)
            return dy

    net = Sequential(Stack())
    assert list(net.parameters()) == [f"stack1.{part}.{name}" for part in ("blocks.0", "blocks.1", "by_name.last")
                                      for name in ("w", "b")]  # fmt: skip
    optimizer, before = SGD(net, lr=0.1), [p.value.copy() for p in net.parameters().values()]
    net.backward(net.forward(np.ones((2, 3), np.float32)))
    optimizer.step()
    assert all(not np.array_equal(p.value, was) for p, was in zip(net.parameters().values(), before, strict=True))
    assert tc.gradcheck(Stack(), np.random.default_rng(0).standard_normal((2, 3))).ok


# --- the rate ---


def test_a_rate_set_between_epochs_is_kept():
    model = tc.models.localizer(**SMALL)
    optimizer = SGD(model, lr=0.01)

    def halve(row, model):
        optimizer.lr = optimizer.lr / 2

    history = tc.fit(model, samples(), epochs=4, optimizer=optimizer, schedule=tc.optim.constant(), on_epoch=halve,
                     progress=False)  # fmt: skip
    assert history.column("lr") == pytest.approx([0.01, 0.005, 0.0025, 0.00125])


# --- what is saved is what is loaded ---


def test_the_scale_of_pixels_is_kept(tmp_path):
    model = tc.models.localizer(**SMALL)
    model.pixel_scale = 255.0
    tc.save(model, tmp_path / "model.npz")
    images = samples(3).images
    np.testing.assert_array_equal(tc.load(tmp_path / "model.npz").predict(images).probabilities,
                                  model.predict(images).probabilities)  # fmt: skip


def test_what_only_its_own_code_can_build_says_so(tmp_path):
    class Mine(tc.models.Localizer):
        def normalize(self, images):
            return super().normalize(images) * 2

    plain = tc.models.localizer(**SMALL)
    mine = Mine(plain.trunk, plain.class_head, plain.box_head, plain.classes, 16, config=plain.config)
    tc.save(mine, tmp_path / "mine.npz")
    with pytest.raises(CheckpointError, match="into=model"):
        tc.load(tmp_path / "mine.npz")
    plain.class_head = Sequential(Linear(8, 6), Linear(6, 3))
    tc.save(plain, tmp_path / "head.npz")
    with pytest.raises(CheckpointError, match="changed after it was built is read with tinycnn.load"):
        tc.load(tmp_path / "head.npz")


@pytest.mark.parametrize("change", [
    lambda model: model.trunk._layers.update(relu1=tc.layers.LeakyReLU(0.3)),
    lambda model: setattr(model.trunk["pool1"], "ceil_mode", True),
    lambda model: setattr(model.trunk["relu1"], "forward", lambda x: x),
    lambda model: setattr(model, "class_head", Sequential(model.class_head)),
    lambda model: setattr(model, "class_head", Linear(8, 3)) or setattr(model.class_head, "b", None),
    lambda model: setattr(model, "answer", lambda x: model.forward(-x)),
])  # fmt: skip
def test_what_was_changed_is_not_loaded_as_it_was_built(change, tmp_path):
    model, images = tc.models.localizer(**SMALL), samples(3).images
    change(model)
    tc.save(model, tmp_path / "changed.npz")
    with pytest.raises(CheckpointError, match=r"changed after it was built is read with .*into=model"):
        tc.load(tmp_path / "changed.npz")
    again = tc.models.localizer(**SMALL | {"seed": 1})
    change(again)
    tc.load(tmp_path / "changed.npz", into=again)
    np.testing.assert_array_equal(again.predict(images).probabilities, model.predict(images).probabilities)


def test_settings_that_stand_in_the_model_are_saved_as_they_are_now(tmp_path):
    model, images = tc.models.localizer(**SMALL), samples(3).images
    model.mirror, model.trunk.training = True, False
    tc.save(model.freeze(), tmp_path / "model.npz")
    loaded = tc.load(tmp_path / "model.npz")
    assert loaded.mirror
    np.testing.assert_array_equal(loaded.predict(images).probabilities, model.predict(images).probabilities)
    with pytest.raises(TypeError, match="path of a file, got an int"):
        tc.load(5)


def test_every_layer_is_saved_and_read_into_one_like_it(tmp_path):
    def chain(seed):
        rng = np.random.default_rng(seed)
        return Sequential(tc.layers.Residual(tc.layers.Conv2d(3, 3, 3, padding=1, rng=rng)), tc.layers.Flatten())

    for build in (lambda seed: Linear(3, 2, rng=np.random.default_rng(seed)), chain):
        first, second = build(0), build(1)
        tc.save(first, tmp_path / "layer.npz")
        with pytest.raises(CheckpointError, match=r"into=model"):
            tc.load(tmp_path / "layer.npz")
        tc.load(tmp_path / "layer.npz", into=second)
        assert all(np.array_equal(p.value, q.value) for p, q in
                   zip(first.parameters().values(), second.parameters().values(), strict=True))  # fmt: skip


def test_resume_compares_the_loss_and_names_functions_without_an_address(tmp_path):
    def light(image, box, size, rng):
        return tc.data.Augment.none()(image, box, size, rng)

    def run(**options):
        model = tc.models.localizer(**SMALL)
        return tc.fit(model, samples(), epochs=2, out=tmp_path / "run", progress=False, **options)

    run(augment=light)
    again = (lambda function: function)(light)
    assert len(run(augment=again, resume=True)) == 2
    with pytest.raises(CheckpointError, match="loss was MultiTaskLoss.*GIoULoss"):
        run(augment=light, resume=True, loss=tc.MultiTaskLoss(box_loss=tc.box_losses.GIoULoss()))


# --- a run goes on with the code that it began with ---

BEGINNING = "import numpy as np, tinycnn as tc, functools\nfrom tinycnn.layers import Layer\nOFTEN = 2\n"
WRITTEN = {
    "a function": "def helper(x): return x * OFTEN\ndef mine(image, box, size, rng): return helper(1)",
    "a lambda": "mine = lambda image, box, size, rng: {'b', 'a', 'c'}",
    "a closure": "def make(n):\n def f(image, box, size, rng): return n\n return f\nmine = make(3)",
    "a partial": "def f(n, image, box, size, rng): return n\nmine = functools.partial(f, 3)",
    "an object": "class Mine:\n def __init__(self, n): self.n, self.calls = n, 0\n"
                 " def __call__(self, *given): self.calls += 1\nmine = Mine(3)",
    "an object's method": "class Mine:\n def __init__(self, n): self.n = np.full(3, n)\n"
                          " def light(self, *given): pass\nmine = Mine(3).light",
    "a class that inherits": "class A:\n n = 3\n def f(self): pass\nclass Mine(A): pass\nmine = Mine()",
    "a layer": "class Mine(Layer):\n 'It.'\n def forward(self, x): return x * 3\nmine = Mine()",
    "a nested loss": "class Box:\n def forward(self, a, b): return 3\nmine = tc.MultiTaskLoss(box_loss=Box())",
}  # fmt: skip


def code_of(text):
    """In a module of its own, as a script or a notebook is one."""
    module = types.ModuleType("somebodys")
    sys.modules["somebodys"] = module
    exec(compile(BEGINNING + text, "somebodys.py", "exec"), module.__dict__)
    if isinstance(getattr(module.mine, "calls", None), int):
        module.mine()  # what it counts is nothing that it was made with
    return own_code(part=module.mine), name_of(module.mine)


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_code_is_known_again_by_what_it_does(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "somebodys", None)
    found, name = code_of(written)
    assert set(found) == {"part", "python"} and "0x" not in name
    moved = "# a remark\n\n" + written.replace("'It.'", "'It, in other words.'")
    assert code_of(moved) == (found, name)
    change = ("OFTEN = 2", "OFTEN = 5") if "OFTEN" in written else ("'c'", "'d'") if "'c'" in written else ("3", "4")
    assert code_of((BEGINNING + written).replace(*change))[0] != found


def test_code_is_the_same_in_every_process():
    program = f"{BEGINNING}from tinycnn.own_code import own_code\n{WRITTEN['a lambda']}\nprint(own_code(a=mine))"
    told = {subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in "123"}  # fmt: skip
    assert len(told) == 1 and "'a': '" in told.pop()


def test_what_is_installed_is_known_by_its_name():
    assert own_code(augment=tc.data.Augment.strong(), loss=tc.MultiTaskLoss(), none=None, sum=np.sum) == {}


def test_a_run_goes_on_only_with_the_same_code(tmp_path):
    def run(augment, resume):
        return tc.fit(tc.models.localizer(**SMALL), samples(), epochs=1 + resume, out=tmp_path / "run", progress=False,
                      augment=augment, resume=resume)

    def make(strength):
        def mine(image, box, size, rng):
            return tc.data.Augment.none()(image, box, size * strength // strength, rng)

        return mine

    run(make(2), False)
    with pytest.raises(CheckpointError, match="augment is written otherwise than it was, or was made with other"):
        run(make(3), True)
    assert len(run(make(2), True)) == 2
    with pytest.raises(CheckpointError, match="augment was .*mine"):
        run(tc.data.Augment.light(), True)


# --- errors name what was meant ---


@pytest.mark.parametrize("loss, message", [
    (tc.MultiTaskLoss, "loss is the class MultiTaskLoss; pass an object"),
    (tc.L2Loss(), r"L2Loss\(\) is the loss of one head; both together: MultiTaskLoss"),
    (tc.box_losses.GIoULoss(), "is the loss of one head"),
])  # fmt: skip
def test_a_loss_that_is_not_meant_for_two_heads(loss, message):
    with pytest.raises(TypeError, match=message):
        tc.fit(tc.models.localizer(**SMALL), samples(), epochs=1, loss=loss, progress=False)


def test_a_wrong_gradient_leaves_a_localizer_as_it_was():
    model, x = tc.models.localizer(**SMALL), np.zeros((2, 16, 16, 3), np.float32)
    scores, boxes = model.forward(x)
    with pytest.raises(ShapeError, match=r"expects gradients of shape \(2, 3\) and \(2, 4\)"):
        model.backward(scores[:1], boxes)
    model.backward(scores, boxes)


def test_looking_takes_the_loss_as_training_does():
    model, data = tc.models.localizer(**SMALL), samples(8)
    loss = tc.MultiTaskLoss(box_loss=tc.box_losses.GIoULoss())
    tc.fit(model, data, epochs=1, loss=loss, progress=False)
    seen = [tc.trace(model, data.images, data.labels, data.boxes, loss=each).losses["box loss"]
            for each in (loss, tc.MultiTaskLoss(box_loss=tc.box_losses.GIoULoss()))]  # fmt: skip
    assert seen[0] == seen[1]


def test_a_network_of_own_blocks_can_be_looked_at():
    class Inside(Layer):
        """It runs its inner layer by itself, so nobody else sees what flows there."""

        def __init__(self):
            self.inner = tc.layers.ReLU()

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dy):
            return self.inner.backward(dy)

    trunk = Sequential(
        tc.layers.Conv2d(3, 4, 3, padding=1),
        tc.layers.Residual(tc.layers.Conv2d(4, 4, 3, padding=1), tc.layers.ReLU()), Inside(),
        tc.layers.MaxPool2d(4), tc.layers.Flatten(), Linear(64, 8), input_shape=(16, 16, 3),
    )  # fmt: skip
    model, data = tc.models.Localizer(trunk, Linear(8, 3), Linear(8, 4), ("a", "b", "c"), 16), samples(8)
    seen = tc.trace(model, data.images, data.labels, data.boxes)
    assert "trunk.residual1.body.conv1" in [layer.name for layer in seen.layers]
    fields = tc.inspection.receptive_fields(model)
    assert [f.size for f in fields[:3]] == [(3, 3), (5, 5), (5, 5)]


def test_a_training_with_a_loss_of_ones_own_can_be_resumed(tmp_path):
    class Mine:
        def __init__(self):
            self.inner, self.terms = tc.MultiTaskLoss(), {}

        def forward(self, outputs, truth):
            value = self.inner.forward(outputs, truth)
            self.terms = self.inner.terms
            return value

        def backward(self):
            return self.inner.backward()

    for epochs, resume in ((1, False), (1, True)):
        history = tc.fit(tc.models.localizer(**SMALL), samples(), epochs=epochs, loss=Mine(), out=tmp_path / "run",
                         resume=resume, progress=False)  # fmt: skip
    assert len(history) == 1


def small():
    return tc.models.localizer(3, 16, channels=(4,), hidden=8)


@pytest.mark.parametrize(("error", "said", "options"), [
    (TypeError, "optimizer must be an object", {"optimizer": "adam"}),
    (TypeError, "optimizer must be an object", {"optimizer": SGD}),
    (TypeError, "schedule must be a function", {"schedule": "cosine"}),
    (TypeError, "augment must be a function", {"augment": "strong"}),
    (ValueError, "batch_size must be a whole number, 1 or more, got 0", {"batch_size": 0}),
    (ValueError, "epochs must be a whole number", {"epochs": 1.5}),
    (ValueError, "seed must be a whole number", {"seed": None}),
    (ValueError, "batch_size must be a whole number", {"batch_size": np.array([8])}),
    (ValueError, "patience must be a whole number, 1 or more, got 0", {"patience": 0}),
    (ValueError, "clip_norm must be a number above 0", {"clip_norm": -1}),
    (ValueError, "clip_norm must be a number above 0", {"clip_norm": float("nan")}),
    (TypeError, "optimizer must be an object", {"optimizer": 0}),
    (TypeError, "schedule must be .* which gives <function", {"schedule": tc.optim.cosine}),
    (TypeError, "schedule must be .* which gives -1.0", {"schedule": lambda progress: -1.0}),
    (TypeError, "augment must be a function of picture, box, side and", {"augment": lambda picture, box, rng: None}),
    (TypeError, "augment must be a function", {"augment": tc.data.Augment.strong}),
    (TypeError, "on_epoch must be a function", {"on_epoch": "x"}),
    (TypeError, "out must be the path of a folder", {"out": 5}),
])  # fmt: skip
def test_arguments_that_cannot_be_meant_are_refused_in_a_sentence(error, said, options):
    with pytest.raises(error, match=f"fit: {said}"):
        tc.fit(small(), samples(4), progress=False, **{"epochs": 1} | options)


def test_a_dataset_is_taken_for_its_parts():
    parts = tc.data.Dataset("drawn", samples(8), samples(4), samples(4), notes=[])
    assert "valid_joint" in tc.fit(small(), parts, epochs=1, progress=False).rows[0]
    with pytest.raises(TypeError, match=r"data\.test"):
        tc.evaluate(small(), parts)
    with pytest.raises(TypeError, match="fit takes Samples, got an array"):
        tc.fit(small(), samples(4).images, epochs=1)
    with pytest.raises(TypeError, match="pass an object"):
        tc.fit(tc.models.Localizer, parts, epochs=1)
    with pytest.raises(TypeError, match="fit takes a Localizer, .* got a function"):
        tc.fit(tc.models.localizer, parts, epochs=1)


def test_sizes_and_parameters_that_cannot_be_are_refused_in_a_sentence():
    with pytest.raises(TypeError, match="takes the model, not its parameters"):
        SGD(small().parameters())
    with pytest.raises(TypeError, match=r'rates=\{"trunk": 0.1\}\). Got a list'):
        SGD([{"layers": small().trunk, "lr": 1e-4}])
    for build, options, said in ((SGD, {"lr": "a"}, "lr and weight_"), (SGD, {"momentum": 2}, "momentum is a share"),
                                 (Adam, {"betas": 0.9}, "two shares"), (Adam, {"betas": (0.9, 1)}, "beta2 is a share")):
        with pytest.raises(ValueError, match=said):
            build(small(), **options)
    with pytest.raises(TypeError, match=r"'type1' is a class: write Conv2d\(\.\.\.\)"):
        Sequential(tc.layers.Conv2d, tc.layers.ReLU())
    with pytest.raises(tc.TinyCNNError, match="expected a NumPy or CuPy array, got builtins.list"):
        tc.MultiTaskLoss().forward((np.zeros((1, 2)), [[1.0, 2, 3, 4]]), ([0], np.zeros((1, 4))))
    with pytest.raises(ValueError, match="both numbers of features"):
        Linear(0, 4)
    for options in ({"num_classes": 2.5}, {"num_classes": "three"}, {"num_classes": 3, "classes": "abc"}):
        with pytest.raises(ValueError, match="as many names as classes, in a list"):
            tc.models.localizer(**options)
    for build in (tc.models.localizer, tc.models.alexnet_localizer):
        with pytest.raises(ValueError, match="at least one class"):
            build(num_classes=0)

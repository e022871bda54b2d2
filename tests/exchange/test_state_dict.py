"""PyTorch's weights in, and networks out, with the same answers."""

import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.errors import CheckpointError
from tinycnn.exchange.arrangement import places
from tinycnn.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from tinycnn.models.torch_files import read_torch
from tinycnn.models.transfer import imagenet_pixels


def changed(model, seed=1):
    rng = np.random.default_rng(seed)
    for name, held in (model.parameters() | model.buffers()).items():
        noise = rng.normal(0, 0.05, held.value.shape)
        held.value = (held.value + (abs(noise) if name.endswith("var") else noise)).astype(held.value.dtype)
    return model


def everything():
    return changed(Sequential(
        Conv2d(3, 4, 3, padding="same"), LocalResponseNorm(3, divide_alpha=False), BatchNorm2d(4), LeakyReLU(0.2),
        Residual(ReLU(), Conv2d(4, 4, 3, padding=1, bias=False)), AvgPool2d(2, ceil_mode=True), MaxPool2d(2, stride=1),
        Residual(Conv2d(4, 6, 1, stride=2), shortcut=Conv2d(4, 6, 3, stride=2, padding=1)), Flatten(), ReLU(),
        Dropout(0.5), Linear(24, 7), Residual(Linear(7, 7, bias=False)), input_shape=(10, 8, 3)))  # fmt: skip


def models():
    return {
        "localizer": tc.models.localizer(3, 16, channels=(4, 5), hidden=8, dropout=0.3),
        "per class": tc.models.localizer(3, 16, channels=(4,), hidden=8, per_class_boxes=True),
        "resnet": tc.models.resnet_localizer(3, image_size=16, channels=(4, 8), hidden=8),
        "pose": tc.models.pose_resnet(image_size=16, channels=(4, 6), hidden=8),
    }


def expect_equal(ours, theirs):
    ours, theirs = (each if isinstance(each, tuple) else (each,) for each in (ours, theirs))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other.detach().numpy(), one, atol=1e-5 * np.abs(one).max(), rtol=0)


def answers(model, x):
    with model.predicting():
        return model.forward(x)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("kind", ["localizer", "per class", "resnet", "pose", "layers"])
def test_a_network_of_pytorch_answers_alike_and_gives_its_weights_back(torch, kind, tmp_path):
    shape = (10, 8, 3) if kind == "layers" else None
    model = everything() if kind == "layers" else changed(models()[kind])
    x = np.random.default_rng(0).standard_normal((3, *(shape or (16, 16, 3)))).astype(np.float32)
    network = tc.to_torch(model, shape).eval()
    expect_equal(answers(model, x), network(torch.tensor(x.transpose(0, 3, 1, 2))))
    assert {name for name in network.state_dict() if "num_batches" not in name} == {
        name.removesuffix(".w") + ".weight" if name.endswith(".w") else
        name.removesuffix(".b") + ".bias" if name.endswith(".b") else name
        for name in model.parameters() | model.buffers() if "statistics" not in name}  # fmt: skip
    torch.save(network.state_dict(), tmp_path / "net.pth")
    for source in (tmp_path / "net.pth", network.state_dict(), dict(reversed(network.state_dict().items()))):
        other = everything() if kind == "layers" else models()[kind]
        changed(other, seed=2)
        taken = tc.load_state_dict(other, source, shape)
        assert len(taken) == len([name for name in network.state_dict() if "num_batches" not in name])
        expect_equal(answers(other, x), network(torch.tensor(x.transpose(0, 3, 1, 2))))


def test_what_is_trained_there_comes_back(torch):
    """A whole step of PyTorch, its own backward included, and of tinycnn: the same weights."""
    model = changed(tc.models.localizer(3, 16, channels=(4,), hidden=8))
    network = tc.to_torch(model)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    x = np.random.default_rng(0).standard_normal((4, 16, 16, 3)).astype(np.float32)
    loss, targets = tc.MultiTaskLoss(), np.ones((4, 4), np.float32)
    loss.forward(model.forward(x), (np.arange(4) % 3, targets))
    model.backward(*loss.backward())
    tc.optim.SGD(model, lr=0.1, momentum=0).step()
    scores, boxes = network(torch.tensor(x.transpose(0, 3, 1, 2)))
    (torch.nn.functional.cross_entropy(scores, torch.arange(4) % 3) + ((boxes - 1) ** 2).mean()).backward()
    optimizer.step()
    other = tc.models.localizer(3, 16, channels=(4,), hidden=8, seed=5)
    tc.load_state_dict(other, network.state_dict())
    for name, held in model.parameters().items():
        np.testing.assert_allclose(other.parameters()[name].value, held.value, atol=1e-6, err_msg=name)


def test_weights_of_other_names_come_in_order(torch, tmp_path):
    nn, seed = torch.nn, torch.manual_seed(0)
    assert seed
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(4 * 4 * 3, 5)).eval()
    model = Sequential(Conv2d(3, 4, 3, padding=1), BatchNorm2d(4), ReLU(), MaxPool2d(2), Flatten(), Linear(48, 5))
    x = np.random.default_rng(0).standard_normal((2, 8, 6, 3)).astype(np.float32)
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "a.pt")
    with pytest.raises(TypeError, match=r"another order in PyTorch: give the shape of one input"):
        tc.load_state_dict(model, tmp_path / "a.pt")
    taken = tc.load_state_dict(model, tmp_path / "a.pt", (8, 6, 3))
    assert taken["norm1.running_var"] == "1.running_var" and taken["fc1.w"] == "5.weight"
    expect_equal(answers(model, x), network(torch.tensor(x.transpose(0, 3, 1, 2))))


def test_names_that_were_sorted_are_not_taken_for_others_of_the_same_shape():
    model = Sequential(Conv2d(3, 4, 3, bias=False), BatchNorm2d(4))
    shapes = {"0.weight": (4, 3, 3, 3), "1.bias": (4,), "1.running_mean": (4,), "1.running_var": (4,), "1.weight": (4,)}
    state = {name: np.full(shape, i, "f4") for i, (name, shape) in enumerate(shapes.items())}
    with pytest.raises(CheckpointError, match="1.bias comes where .* stand in another order"):
        tc.load_state_dict(model, state, (8, 8, 3))
    right = {name: state[name] for name in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var")}
    tc.load_state_dict(model, right, (8, 8, 3))
    assert [held.value[0] for held in model[1].parameters().values()] == [4, 1]


def test_what_does_not_fit_is_named_and_changes_nothing(tmp_path):
    model, other = (tc.models.localizer(3, 16, channels=(4,), hidden=8, seed=seed) for seed in (0, 1))
    right = {place.name: place.there(place.held.value) for place in places(other) if "statistics" not in place.own}
    before = {name: held.value.copy() for name, held in model.parameters().items()}
    for state, said in (
        ({**right, "class_head.bias": np.zeros(5, "f4")}, r"class_head.bias has shape \(5,\).*replace_head"),
        ({**right, "more": np.zeros(5, "f4")}, "has 9 arrays, and .* needs 8: they are those of another network"),
        ({}, "has 0 arrays"),
    ):
        with pytest.raises(CheckpointError, match=said):
            tc.load_state_dict(model, state)
    for source, said in ((5, "the path of a file, or a dictionary"), ({"a": 5}, "'a' must be an array, got an int")):
        with pytest.raises(TypeError, match=said):
            tc.load_state_dict(model, source)
    assert all(np.array_equal(held.value, before[name]) for name, held in model.parameters().items())
    np.savez(tmp_path / "w.npz", **right)
    tc.load_state_dict(model, tmp_path / "w.npz")
    assert all(np.array_equal(held.value, other.parameters()[name].value) for name, held in model.parameters().items())
    with pytest.raises(TypeError, match="gives a flattened map"):
        tc.load_state_dict(Sequential(Flatten()), {}, (4, 4, 3))


# --- a .pth without PyTorch ---


def test_every_kind_of_number_and_view(torch, tmp_path):
    base = torch.arange(24.0).reshape(4, 6)
    state = {"half": base.half(), "bfloat": base.bfloat16(), "double": base.double(), "long": base.long(),
             "bool": base > 3, "transposed": base.T, "part": base[1:3, ::2], "parameter": torch.nn.Parameter(base),
             "number": torch.tensor(2.5), "empty": torch.zeros(0, 3), "same storage": base}  # fmt: skip
    for name in ("new.pth", "protocol4.pth"):
        torch.save(state, tmp_path / name, pickle_protocol=4 if "4" in name else 2)
        found = read_torch(tmp_path / name)
        assert found.keys() == state.keys()
        for key, tensor in state.items():
            expected = tensor.detach().float().numpy() if key == "bfloat" else tensor.detach().numpy()
            np.testing.assert_array_equal(found[key], expected, err_msg=key)
            assert found[key].dtype == expected.dtype


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Storage:
    def __init__(self, *told):
        self.told = told


def archive(path, content, numbers=b"\0" * 16, **files):
    class Pickler(pickle._Pickler):
        def persistent_id(self, thing):
            return ("storage", Call(eval, "1"), *thing.told) if isinstance(thing, Storage) else None

    with zipfile.ZipFile(path, "w") as file, open(path.with_suffix(".pkl"), "w+b") as listing:
        Pickler(listing, protocol=2).dump(content)
        listing.seek(0)
        file.writestr("archive/data.pkl", files.get("listing", listing.read()))
        file.writestr("archive/data/0", numbers)
    return path


@pytest.mark.parametrize("content, said", [
    ({"w": Call(os.system, "touch /tmp/should-not-be-there")}, r"calls (posix|nt).system"),
    ({"w": Call(eval, "1/0")}, r"calls __builtin__.eval"),
    ([1, 2], "no weights by name"),
    ({"a": 1}, "no weights by name"),
    (3, "no weights by name"),
    ({"w": {"a", "b"}}, "never run"),
])  # fmt: skip
def test_what_is_no_weights_is_refused_and_never_run(content, said, tmp_path):
    with pytest.raises(CheckpointError, match=said):
        read_torch(archive(tmp_path / "bad.pth", content))


def instructions(offset, shape, strides):
    """A list of one array "w" of the storage "0", written by hand, as PyTorch writes it."""
    def text(word):
        return b"X" + len(word).to_bytes(4, "little") + word.encode()

    def numbers(values):
        return b"(" + b"".join(b"J" + value.to_bytes(4, "little", signed=True) for value in values) + b"t"

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04tQ"
    array = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"J" + offset.to_bytes(4, "little", signed=True) + \
        numbers(shape) + numbers(strides) + b"\x89}tR"
    return b"\x80\x02}" + text("w") + array + b"s."


def test_an_array_stays_within_its_numbers(tmp_path):
    four = np.arange(4, dtype="<f4").tobytes()
    whole = archive(tmp_path / "w.pth", None, four, listing=instructions(1, (3,), (1,)))
    np.testing.assert_array_equal(read_torch(whole)["w"], [1, 2, 3])
    for wrong in ((2, (3,), (1,)), (-1, (3,), (1,)), (0, (3,), (-1,)), (0, (9,), (0,)), (0, (2, 3), (3, 1)),
                  (0, (2**30, 2**30), (0, 0))):  # fmt: skip
        with pytest.raises(CheckpointError, match="an array (reaches beyond|is larger than) its numbers"):
            read_torch(archive(tmp_path / "w.pth", None, four, listing=instructions(*wrong)))
    listing = instructions(1, (3,), (1,))
    for cut in range(len(listing)):
        with pytest.raises(CheckpointError):
            read_torch(archive(tmp_path / "w.pth", None, four, listing=listing[:cut]))


def test_a_damaged_file_is_one_sentence(torch, tmp_path):
    torch.save({"w": torch.zeros(4)}, tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        (tmp_path / "w.pth").write_bytes(damaged)
        try:
            read_torch(tmp_path / "w.pth")
        except CheckpointError as error:
            assert "\n" not in str(error)


ALEXNET = """
import sys
sys.modules["torch"] = None
import numpy as np, tinycnn as tc
model = tc.models.alexnet_localizer(1000, variant="one-gpu", seed=3)
taken = tc.load_state_dict(model, sys.argv[1])
assert taken["class_head.w"] == "classifier.6.weight" and len(taken) == 16
np.savez(sys.argv[2], scores=model.eval().forward(model.normalize(np.load(sys.argv[3])))[0])
"""


@pytest.mark.slow
def test_alexnet_as_torchvision_publishes_it_without_torch(torch, tmp_path):
    nn = torch.nn
    torch.manual_seed(0)
    network = nn.ModuleDict({
        "features": nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        "classifier": nn.Sequential(nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096),
                                    nn.ReLU(), nn.Linear(4096, 1000)),
    }).eval()  # fmt: skip
    torch.save(network.state_dict(), tmp_path / "alexnet.pth")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    files = [str(tmp_path / name) for name in ("alexnet.pth", "scores.npz", "pixels.npy")]
    subprocess.run([sys.executable, "-c", ALEXNET, *files], check=True)
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = (torch.tensor(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        scores = network["classifier"](network["features"](x).flatten(1)).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "scores.npz")["scores"], scores, atol=1e-5 * abs(scores).max())
    assert imagenet_pixels()[0][0] == pytest.approx(0.485 * 255)


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda w: w * np.nan, "144 of 144 weights are NaN or infinite as float32"),
    (lambda w: np.where(w == w.max(), np.inf, w), "1 of 144 weights are NaN or infinite"),
    (lambda w: w.astype(np.float64) * 1e300, "144 of 144 weights are NaN or infinite as float32"),
    (lambda w: w + 1j, "is of complex64: weights are real numbers"), (lambda w: w.astype(str), "real numbers"),
])  # fmt: skip
def test_what_is_no_number_is_refused_and_nothing_has_changed(spoil, words):
    model = Sequential(Conv2d(4, 4, 3), ReLU())
    before = {name: p.value.copy() for name, p in model.parameters().items()}
    state = {"conv1.weight": spoil(np.random.default_rng(0).standard_normal((4, 4, 3, 3), dtype=np.float32)),
             "conv1.bias": np.zeros(4, np.float32)}
    with pytest.raises(CheckpointError, match=f"conv1.weight.*{words}"):
        tc.load_state_dict(model, state)
    assert all((before[name] == p.value).all() for name, p in model.parameters().items())


def test_nor_does_a_training_begin_with_it(tmp_path):
    small = {"num_classes": 2, "image_size": 16, "channels": (4,), "hidden": 4}
    broken, model = tc.models.localizer(**small), tc.models.localizer(**small, seed=3)
    broken.trunk["conv1"].w.value[0, 0, 0, 0] = np.nan
    tc.save(broken, tmp_path / "model.npz")
    before = model.trunk["conv1"].w.value.copy()
    with pytest.raises(CheckpointError, match="model.npz: trunk.conv1.w: 1 of 108 weights are NaN"):
        tc.models.initialize(model, tmp_path / "model.npz")
    assert (model.trunk["conv1"].w.value == before).all()

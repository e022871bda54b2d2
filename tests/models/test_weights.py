"""Model files: what goes in comes out, and what is damaged or hostile is refused without harm."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.errors import CheckpointError
from tinycnn.layers import Flatten, Linear, Sequential
from tinycnn.models.localizer import Localizer

SMALL = dict(num_classes=3, image_size=16, channels=(4, 8), hidden=12)


@pytest.fixture
def saved(tmp_path):
    model = tc.models.localizer(**SMALL, classes=("apple", "Birne", "čaj"), seed=5)
    model.set_box_statistics(np.random.default_rng(0).random((10, 4)))
    tc.save(model, tmp_path / "model.npz")
    return model, tmp_path / "model.npz"


def test_round_trip_keeps_weights_classes_and_box_statistics(saved):
    model, path = saved
    loaded = tc.load(path)
    for name, parameter in model.parameters().items():
        np.testing.assert_array_equal(parameter.value, loaded.parameters()[name].value)
    assert loaded.classes == model.classes and loaded.has_statistics
    np.testing.assert_array_equal(loaded.box_mean, model.box_mean)
    np.testing.assert_array_equal(loaded.box_std, model.box_std)
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(loaded.predict(image).boxes, model.predict(image).boxes)


def test_classes_without_names_take_those_of_the_samples_after_loading_too(saved):
    model, path = saved
    model.replace_head("class", 5)
    tc.save(model, path)
    again = tc.models.localizer(**SMALL, classes=("apple", "Birne", "čaj"))
    again.replace_head("class", 5)
    assert not model.named and not tc.models.weights.load(path, into=again).named


def test_float64_models_stay_float64(tmp_path):
    tc.save(tc.models.localizer(**SMALL).astype("float64"), tmp_path / "m.npz")
    assert tc.load(tmp_path / "m.npz").trunk["conv1"].w.value.dtype == np.float64


def test_the_file_is_plain_numpy(saved):
    with np.load(saved[1], allow_pickle=False) as archive:
        assert json.loads(bytes(archive["meta"]))["classes"] == ["apple", "Birne", "čaj"]
        assert archive["model/trunk.conv1.w"].shape == (3, 3, 3, 4)


def test_own_architectures_are_loaded_into_a_model(tmp_path):
    def own(seed):
        rng = np.random.default_rng(seed)
        trunk = Sequential(Flatten(), input_shape=(2, 2, 3))
        return Localizer(trunk, Linear(12, 2, rng=rng), Linear(12, 4, rng=rng), ("a", "b"), image_size=2)

    tc.save(own(0), tmp_path / "own.npz")
    with pytest.raises(CheckpointError, match="into=model"):
        tc.load(tmp_path / "own.npz")
    model = tc.load(tmp_path / "own.npz", into=own(1))
    np.testing.assert_array_equal(model.class_head.w.value, own(0).class_head.w.value)


def test_weights_of_another_architecture_are_refused_and_change_nothing(saved):
    other = tc.models.localizer(**{**SMALL, "hidden": 13})
    before = {name: p.value.copy() for name, p in other.parameters().items()}
    with pytest.raises(CheckpointError, match="model needs"):
        tc.load(saved[1], into=other)
    deeper = tc.models.localizer(**{**SMALL, "channels": (4, 8, 8)})
    with pytest.raises(CheckpointError, match="parameters or buffers differ"):
        tc.load(saved[1], into=deeper)
    for name, p in other.parameters().items():
        np.testing.assert_array_equal(p.value, before[name])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(saved, share):
    data = saved[1].read_bytes()
    saved[1].write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="cut off"):
        tc.load(saved[1])


def test_flipped_bits_are_noticed(saved):
    data = bytearray(saved[1].read_bytes())
    data[len(data) // 3] ^= 0x55
    saved[1].write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged|cut off"):
        tc.load(saved[1])


def test_pickled_content_is_refused(saved):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("pickled content was executed",))

    members = _members(saved[1])
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    members["model/class_head.b.npy"] = buffer.getvalue()
    _write(saved[1], members)
    with pytest.raises(CheckpointError, match="pickled"):
        tc.load(saved[1])


def test_a_member_that_claims_too_much_is_not_read(saved):
    members = _members(saved[1])
    members["model/class_head.b.npy"] += bytes(10**7)
    _write(saved[1], members, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="claims"):
        tc.load(saved[1])


def test_an_archive_that_would_fill_memory_is_not_read(saved):
    members = _members(saved[1]) | {"more/zeros.npy": bytes(50 * 2**20)}  # nothing says how large these may be
    _write(saved[1], members, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="would become .* bytes, 100 times as many as it has"):
        tc.load(saved[1])


def test_damage_in_what_others_have_packed(saved):
    """tinycnn writes arrays unpacked; who packs them finds zlib's own error."""
    _write(saved[1], _members(saved[1]), zipfile.ZIP_DEFLATED)
    whole = saved[1].read_bytes()
    with zipfile.ZipFile(saved[1]) as archive:
        places = [info.header_offset + 30 + len(info.filename) for info in archive.infolist()]
    for place in places:
        saved[1].write_bytes(whole[:place] + b"\xff" * 4 + whole[place + 4 :])
        with pytest.raises(CheckpointError, match="is damaged or pickled"):
            tc.load(saved[1])


@pytest.mark.parametrize("head", [b"{'descr': (", b"{'descr': '<f4'\n  x\n y", b"\0", b"'" * 3, b"{" * 60])
def test_a_head_of_an_array_that_is_none(saved, head):
    members = _members(saved[1])
    array = members["model/class_head.b.npy"]
    members["model/class_head.b.npy"] = array[:10] + head.ljust(len(array[10:]))[: len(array[10:])]
    _write(saved[1], members)
    with pytest.raises(CheckpointError, match="is damaged or pickled"):
        tc.load(saved[1])


def test_a_reason_is_short(saved):
    """zipfile shows the name that it has found instead, which may be all that follows."""
    whole = saved[1].read_bytes()
    with zipfile.ZipFile(saved[1]) as archive:
        place = archive.getinfo("model/class_head.b.npy").header_offset
    saved[1].write_bytes(whole[: place + 26] + b"\xff\x20" + whole[place + 28 :])  # the length of its name
    with pytest.raises(CheckpointError, match="is damaged or pickled") as caught:
        tc.load(saved[1])
    assert len(str(caught.value)) < 500


def test_a_text_nested_by_the_thousand(saved):
    members, buffer = _members(saved[1]), io.BytesIO()
    np.save(buffer, np.frombuffer(b"[" * 10**5, np.uint8))
    _write(saved[1], members | {"meta.npy": buffer.getvalue()})
    with pytest.raises(CheckpointError, match="written by something else"):
        tc.load(saved[1])


@pytest.mark.parametrize("config", [{"architecture": "os.system"}, {"architecture": "localizer", "evil": 1}, {}, 5])
def test_a_foreign_architecture_is_refused(saved, config):
    members = _members(saved[1])
    with np.load(saved[1]) as archive:
        meta = json.loads(bytes(archive["meta"]))
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(json.dumps(meta | {"config": config}).encode(), np.uint8))
    members["meta.npy"] = buffer.getvalue()
    _write(saved[1], members)
    with pytest.raises(CheckpointError, match="cannot be built"):
        tc.load(saved[1])


def test_other_files_are_named_for_what_they_are(tmp_path):
    with pytest.raises(CheckpointError, match="there is no file"):
        tc.load(tmp_path / "nothing.npz")
    with pytest.raises(CheckpointError, match="folder"):
        tc.load(tmp_path)
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(CheckpointError, match="meta"):
        tc.load(tmp_path / "other.npz")


def test_a_failed_save_leaves_the_old_file(saved, monkeypatch):
    model, path = saved
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        tc.save(model, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["model.npz"]


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


# What a file may ask for: model.npz of a small network, with another architecture in its text.
HUGE = {
    "hidden": {"hidden": 2**40}, "channels": {"channels": [2**20, 2**20]}, "many layers": {"channels": [1] * 10**6},
    "classes": {"num_classes": 2**40}, "picture": {"image_size": 2**16},
    "resnet": {"architecture": "resnet", "channels": [2**16, 2**16], "mirror": True},
    "alexnet": {"architecture": "alexnet", "num_classes": 2}, "pose": {"architecture": "pose", "hidden": 2**36},
    "hog": {"architecture": "hog-heads", "image_size": 2**16, "num_classes": 2},
    "hog-svm": {"architecture": "hog-svm", "window": 2**16, "num_classes": 2},
    "stumps": {"architecture": "haar", "rounds": 2**40, "num_classes": 2},
    "features": {"architecture": "haar", "features": 2**40, "num_classes": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_a_small_file_that_names_a_huge_network_is_refused_before_it_is_built(tmp_path, name):
    """The most memory that Python and NumPy take on the way, against gigabytes that the network would."""
    small = tc.models.localizer(2, image_size=16, channels=(4,), hidden=4)
    tc.save(small, tmp_path / "model.npz")
    members = _members(tmp_path / "model.npz")
    meta = json.loads(bytes(np.load(io.BytesIO(members["meta.npy"]))))
    same = meta["config"] if "architecture" not in HUGE[name] else {}
    meta["config"] = same | HUGE[name]
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(json.dumps(meta).encode(), np.uint8))
    _write(tmp_path / "model.npz", members | {"meta.npy": buffer.getvalue()}, zipfile.ZIP_DEFLATED)
    assert (tmp_path / "model.npz").stat().st_size < 30_000
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="its architecture cannot be built .*(more than the|chooses from 1 to)"):
        tc.load(tmp_path / "model.npz")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40e6, f"{most / 1e6:.0f} MB"


def test_what_a_network_needs_is_not_more_than_its_file_has(tmp_path):
    """All architectures, in the smallest dtype."""
    for name, arguments in {"localizer": {}, "resnet": {}, "hog-heads": {}, "hog-svm": {"num_classes": 2},
                            "haar": {"num_classes": 2, "features": 9}, "pose": {}}.items():
        model = tc.models.build({"architecture": name, **arguments}).astype("float16")
        tc.save(model, tmp_path / f"{name}.npz")
        tc.load(tmp_path / f"{name}.npz", into=tc.models.build({"architecture": name, **arguments}).astype("float16"))
        tc.load(tmp_path / f"{name}.npz")

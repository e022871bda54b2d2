"""Two stages: what the second looks at, that it changes nothing before it has learned, and that one model is kept."""

import numpy as np
import pytest
from models.test_pose import SMALL, small, sticks, train

import tinycnn as tc
from tinycnn.cli import main
from tinycnn.data.pose_crops import crop_batches
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import CheckpointError, DataError
from tinycnn.models import PoseCascade, pose_plain, pose_resnet
from tinycnn.poses import JOINTS, MIRRORED, decode_joints, squares, windows
from tinycnn.resize import crop_resize
from tinycnn.tasks import task_of

REFINER = dict(image_size=16, channels=(6, 8), hidden=12)


def trained(epochs=4):
    first = small()
    train(first, epochs)
    return first


def cascade(first=None, zoom=0.6, **changed):
    return PoseCascade(first or trained(1), pose_plain(**REFINER | changed), zoom)


def test_before_it_has_learned_the_answer_is_that_of_stage_1():
    first = trained(1)
    answers = first.predict(sticks(5).images).joints
    model = cascade(first)
    np.testing.assert_array_equal(model.predict(sticks(5).images).joints, answers)
    assert "14 joints, 16 x 16, then 16 x 16 around each" in repr(model)
    assert model.multiply_adds((16, 16, 3)) > 14 * model.second.multiply_adds((16, 16, 3))


def test_each_joint_is_corrected_by_its_own_two_numbers_of_its_own_square():
    model, people = cascade(), sticks(3, 5)
    train(model, 1)
    shown = windows(people.boxes, 1.0)
    said = np.random.default_rng(0).uniform(3, 13, (3, 14, 2))
    found = model.eval().refined(said, people.images, shown)
    for i, j in ((0, 6), (2, 13)):
        square = squares(said[i, j][None], 0.6 * 16)
        crop = crop_resize(people.images[i], tuple(square[0]), (16, 16))
        with model.predicting():
            code = model.second.answer(model.second.normalize(crop[None]))[:, [j]]
        np.testing.assert_allclose(found[i, j], decode_joints(code, square)[0, 0], atol=1e-4)


def test_the_second_stage_helps_the_first_does_not_change_and_the_mirror_exchanges_sides():
    first, valid = trained(6), sticks(20, 1)
    said = first.predict(valid.images).joints
    before = {name: p.value.copy() for name, p in first.parameters().items()}
    model = cascade(first)
    history = train(model, 12)
    off, was_off = (np.nanmean(np.hypot(*(joints - valid.joints).T)) for joints in
                    (model.predict(valid.images).joints, said))
    assert off < 0.8 * was_off
    measured = tc.evaluate(model, valid, sticks(60))
    assert measured["stage_1/pck/total"] == tc.evaluate(first, valid)["pck/total"]
    assert "stage 1" in tc.poses.comparison_table(measured) and history.rows[-1]["loss"] < history.rows[0]["loss"]
    assert all((before[name] == p.value).all() for name, p in first.parameters().items())
    images = valid.images[:4]
    one, other = model.predict(images).joints, model.predict(images[:, :, ::-1]).joints
    np.testing.assert_allclose(one, other[:, MIRRORED] * [-1, 1] + [16, 0], atol=1e-3)


@pytest.mark.parametrize("augment", [None, tc.data.PoseAugment(flip=1.0)])
def test_squares_lie_around_joints_that_are_seen_as_far_off_as_the_spread(augment):
    people = sticks(300)
    spread = np.full((14, 2), [0.05, 0.1])
    (batch,) = crop_batches(people, 300, 8, 1.0, 0.5, spread, shuffle=False, augment=augment, workers=0)
    assert len(batch.images) == people.visible.sum() and (batch.visible.sum(axis=1) == 1).all()
    asked = batch.visible.argmax(axis=1)
    seen = [j for row in people.visible for j in np.flatnonzero(row)]
    np.testing.assert_array_equal(asked if augment is None else np.array(MIRRORED)[asked], seen)
    if augment is None:
        own = batch.codes[np.arange(len(asked)), asked]
        np.testing.assert_allclose(own.std(axis=0), [0.1, 0.2], rtol=0.05)  # in squares, half as large as the window
        np.testing.assert_allclose(own.mean(axis=0), 0, atol=0.02)


def test_a_joint_outside_its_picture_gives_a_gray_square_and_a_person_without_joints_is_refused():
    people = sticks(2)
    people.joints[0, 3], people.visible[0] = [-50, 900], np.arange(14) == 3
    (batch,) = crop_batches(people.subset([0]), 1, 8, 1.0, 0.5, np.zeros((14, 2)), shuffle=False, workers=0)
    assert (batch.images == 128).all() and np.allclose(batch.codes[0, 3], 0)
    with pytest.raises(DataError, match="shows no joint"):
        PoseSamples(people.images, people.joints, np.zeros((2, 14), bool), people.boxes, people.names)
    answer = cascade(small()).predict(people.images[0])  # no box: the picture is the window
    assert answer.joints.shape == (1, 14, 2)


def test_the_spread_is_that_of_stage_1_on_people_it_did_not_learn_from():
    first, valid = trained(), sticks(20, 1)
    model = cascade(first)
    train(model, 1)
    errors = (first.predict(valid.images).joints - valid.joints) / 16
    expected = np.sqrt(np.nanmean(np.where(valid.visible[..., None], errors, np.nan) ** 2, axis=0))
    np.testing.assert_allclose(model.spread.value, np.maximum(expected, 0.005), rtol=1e-5)


def test_a_batch_in_which_no_joint_is_seen_is_said():
    people = sticks(2)
    people.visible[:] = False
    with pytest.raises(DataError, match="nothing is left of a batch of 2"):
        next(crop_batches(people, 2, 8, 1.0, 0.5, np.zeros((14, 2)), shuffle=False, workers=0))


def test_freezing_a_part_means_the_stage_that_learns():
    model = cascade()
    train(model, 2, freeze=("trunk", 1))
    assert all(layer.frozen for layer in (model.trunk, model.head))
    assert not model.second.trunk.frozen


def test_its_file_holds_both_stages(tmp_path):
    second = pose_plain(**REFINER)
    second.pixel_mean, second.pixel_scale = 100.0, 50.0
    model = PoseCascade(pose_resnet(**SMALL), second, 0.4)
    train(model, 1)
    model.mirror = False
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    assert isinstance(read, PoseCascade) and read.zoom == 0.4 and not read.mirror and read.has_statistics
    assert (read.second.pixel_mean, read.second.pixel_scale) == (100.0, 50.0) and read.second.has_statistics
    np.testing.assert_array_equal(read.predict(sticks(3).images).joints, model.predict(sticks(3).images).joints)
    with pytest.raises(CheckpointError, match="does not fit the model"):
        tc.load(tmp_path / "model.npz", into=small())


def test_a_resumed_second_stage_has_the_same_bits(tmp_path):
    first = trained(1)
    whole, cut, again = (cascade(first) for _ in range(3))
    augment = tc.data.PoseAugment()
    train(whole, 2, augment=augment, seed=4)

    def interrupt(row, model):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cut, 2, augment=augment, seed=4, out=tmp_path, on_epoch=interrupt)
    train(again, 2, augment=augment, seed=4, out=tmp_path, resume=True)
    for name, parameter in whole.parameters().items():
        np.testing.assert_array_equal(parameter.value, again.parameters()[name].value, err_msg=name)


def test_what_is_no_second_stage_is_refused():
    first = small()
    for second in (first, cascade(small())):
        with pytest.raises(TypeError, match="each a PoseNet of one stage"):
            PoseCascade(first, second)
    with pytest.raises(DataError, match="zoom is a share"):
        cascade(first, zoom=0)
    with pytest.raises(TypeError, match="PoseCascade"):
        tc.to_onnx(cascade(first), "x.onnx")
    assert type(task_of(cascade(first))).__name__ == "PoseRefinement" and len(JOINTS) == 14


def test_each_stage_is_checked_and_summed_up_by_itself(tmp_path, capsys):
    model = PoseCascade(pose_resnet(**SMALL), pose_plain(**REFINER), 0.4)
    tc.save(model, tmp_path / "model.npz")
    assert main(["gradcheck", str(tmp_path / "model.npz")]) == 0
    assert main(["summary", str(tmp_path / "model.npz")]) == 0
    told = capsys.readouterr().out
    assert "2 checked" in told and "stage 1" in told and "stage 2" in told
    with pytest.raises(TypeError, match="two networks: summary"):
        tc.summary(model)

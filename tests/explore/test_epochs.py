"""What a page is told of the epochs of a run."""

import base64
import io
import json

import numpy as np
import PIL.Image
import pytest

from tests.test_snapshots import fit
from tinycnn.errors import DataError
from tinycnn.explorer.epochs import png, read
from tinycnn.snapshots import read_record


def test_curves_and_answers_are_those_of_the_run(tmp_path):
    _, history = fit(tmp_path)
    told, record = read(tmp_path), read_record(tmp_path / "epochs.npz")
    json.dumps(told, allow_nan=False)
    assert told["part"] == "valid" and told["classes"] == ["bright", "dark"] and told["epochs"] == [1, 2, 3]
    assert told["best"] == history.best_epoch
    assert told["curves"]["epoch"] == [1, 2, 3]
    for name in ("loss", "class_loss", "valid_box_loss", "valid_joint"):
        assert told["curves"][name] == pytest.approx(history.column(name), rel=1e-5)
    assert [picture["name"] for picture in told["pictures"]] == [record.names[i] for i in record.pictures]
    overlaps, right = record.overlaps(), record.right()
    for i, picture in zip(record.pictures, told["pictures"], strict=True):
        assert picture["label"] == record.labels[i] and picture["size"] == [16, 16]
        assert picture["box"] == record.truth[i].tolist()
        for e, answer in enumerate(picture["answers"]):
            assert [k for k, _ in answer["top"]] == record.top[e, i].tolist()
            assert [p for _, p in answer["top"]] == record.shares[e, i].tolist()
            assert answer["true"] == record.true_shares[e, i] and answer["box"] == record.boxes[e, i].tolist()
            assert answer["iou"] == overlaps[e, i] and answer["right"] == right[e, i]
    ends = [picture["answers"][-1]["right"] for picture in told["pictures"]]
    assert ends == sorted(ends)  # wrong ones first


def test_a_picture_is_a_png_that_others_read():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    kind, _, text = png(picture).partition(",")
    assert kind == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(text)))), picture)


def test_runs_without_snapshots_and_damaged_ones(tmp_path):
    assert read(tmp_path) is None
    fit(tmp_path, epochs=1)
    (tmp_path / "history.csv").write_text("epoch,loss\n1,much\n")
    with pytest.raises(DataError, match="history.csv is damaged"):
        read(tmp_path)
    (tmp_path / "history.csv").write_text("epoch,loss\n1\n")
    with pytest.raises(DataError, match="history.csv is damaged"):
        read(tmp_path)
    (tmp_path / "history.csv").write_text("epoch,loss\n1,nan\n")
    assert read(tmp_path)["curves"] == {"epoch": [1.0], "loss": [None]}
    (tmp_path / "history.csv").write_text("epoch,loss\ninf,1\n")
    with pytest.raises(DataError, match="history.csv is damaged"):
        read(tmp_path)
    for empty in "", "epoch,loss\n":
        (tmp_path / "history.csv").write_text(empty)
        with pytest.raises(DataError, match="history.csv is damaged.*it has no row, so no epoch"):
            read(tmp_path)
    (tmp_path / "history.csv").unlink()
    assert read(tmp_path)["curves"] == {}
    (tmp_path / "epochs.npz").write_text("no archive")
    with pytest.raises(DataError, match="epochs.npz is damaged"):
        read(tmp_path)

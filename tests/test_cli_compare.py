"""tinycnn compare: what differs, what came out, and what cannot be compared."""

import json
import shutil
from pathlib import Path

import pytest

from tests.test_cli import one_line
from tinycnn.cli import main, records
from tinycnn.history import History

SETTINGS = {"size": 64, "image_size": 32, "channels": [4, 8], "hidden": 16, "epochs": 3, "batch_size": 16}
TEST = {"count": 8, "accuracy": 0.5, "mean_iou": 0.25, "joint": 0.125}


def rows(*joints):
    return [{"epoch": e + 1, "seconds": 1.0, "lr": 0.1, "loss": 3.0 / (e + 1), "valid_loss": 3.3 / (e + 1),
             "valid_accuracy": joint, "valid_mean_iou": joint, "valid_joint": joint} for e, joint in enumerate(joints)]


def made(folder, joints=(0.1, 0.4, 0.3), test=TEST, data=None, **settings):
    """A folder as a run leaves it, without its model."""
    folder.mkdir(parents=True)
    data = {"name": "scenes", "classes": ["cat"], "test": 8} | (data or {})
    (folder / "config.json").write_text(json.dumps({"settings": SETTINGS | settings, "data": data}))
    History(rows(*joints)).save(folder / "history.csv")
    if test is not None:
        metrics = {"best_epoch": joints.index(max(joints)) + 1, "epochs": len(joints), "test": test,
                   "valid": {"joint": max(joints)}}
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def compared(capsys, *call, status=0):
    assert main(["compare", "--no-figure", *map(str, call)]) == status
    return capsys.readouterr().out


def test_the_settings_that_differ_stand_beside_the_results(tmp_path, capsys):
    made(tmp_path / "a", lr=0.01)
    made(tmp_path / "b", (0.1, 0.2), TEST | {"joint": 0.25}, lr=0.03, dropout=0.5)
    lines = compared(capsys, tmp_path / "a", tmp_path / "b").splitlines()
    assert lines[0].split() == ["run", "dropout", "lr", "best", "epoch", "valid", "joint", "test", "class", "right",
                                "test", "mean", "IoU", "test", "joint"]
    assert lines[2].split() == "a 0.0 0.01 2 of 3 0.400 0.500 0.250 0.125".split()
    assert lines[3].split() == "b 0.5 0.03 2 of 2 0.200 0.500 0.250 0.250".split()
    assert len(lines) == 4


def test_where_many_settings_differ_they_have_a_table_of_their_own(tmp_path, capsys):
    made(tmp_path / "a")
    made(tmp_path / "b", lr=0.1, dropout=0.5, epochs=9, hidden=32, channels=[8, 8], workers=3)
    told = compared(capsys, tmp_path / "a", tmp_path / "b")
    first, second = told.split("\n\n")
    assert "lr" not in first and "valid joint" in first
    assert ["channels", "4,8", "8,8"] in [line.split() for line in second.splitlines()]
    assert "workers" not in told  # it changes no result


def test_a_folder_of_runs_and_runs_of_one_name(tmp_path, capsys):
    made(tmp_path / "one" / "run", lr=0.1)
    made(tmp_path / "two" / "run", lr=0.2)
    made(tmp_path / "two" / "other", lr=0.3)
    assert compared(capsys, tmp_path / "two").count("\n") == 4
    told = compared(capsys, tmp_path / "one", tmp_path / "two", tmp_path / "two" / "run")  # none twice
    assert "one/run " in told and told.count("two/run ") == told.count("two/other ") == 1


def test_what_cannot_be_compared_is_said(tmp_path, capsys):
    a, b = made(tmp_path / "a"), made(tmp_path / "b", test=None)
    told = compared(capsys, a, b)
    assert "All settings are the same." in told and "Not ended yet, so without test metrics: b." in told
    assert "different pictures" not in told
    c = made(tmp_path / "c", data={"test": 9})
    assert "tested on different pictures" in compared(capsys, a, c)
    one, other = (made(tmp_path / p, data={"fingerprint": {"test": p}}) for p in "de")
    assert "tested on different pictures" in compared(capsys, one, other)


def test_as_json(tmp_path, capsys):
    made(tmp_path / "a"), made(tmp_path / "b", lr=0.5)
    found = json.loads(compared(capsys, tmp_path / "a", tmp_path / "b", "--json"))
    assert [one["best_epoch"] for one in found] == [2, 2] and found[1]["settings"]["lr"] == 0.5
    assert found[0]["test"] == TEST


def test_a_run_that_has_not_ended_has_its_best_epoch_so_far(tmp_path):
    record = records.read(made(tmp_path / "a", (0.1, 0.3, 0.2), test=None))
    assert record.best_epoch == 2 and record.headline == ("joint", 0.3) and record.score("test", "joint") is None


@pytest.mark.parametrize(("break_it", "words"), [
    (lambda run: shutil.rmtree(run), "is no run"),
    (lambda run: (run / "history.csv").write_text("epoch,loss\n1,abc\n"), "history.csv is damaged"),
    (lambda run: (run / "history.csv").write_text(""), "history.csv is damaged"),
    (lambda run: (run / "history.csv").write_text("epoch,loss\n"), "it has no row"),
    (lambda run: (run / "history.csv").write_text("epoch,rate\n1,2\n"), "it has no column loss"),
    (lambda run: (run / "metrics.json").write_text("{"), "metrics.json is damaged"),
    (lambda run: (run / "config.json").write_text("[]"), "config.json"),
])  # fmt: skip
def test_what_is_no_run_is_one_line(tmp_path, capsys, break_it, words):
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    break_it(b)
    one_line(capsys, main(["compare", "--no-figure", str(a), str(b)]), words)


def test_one_run_alone(tmp_path, capsys):
    one_line(capsys, main(["compare", str(made(tmp_path / "a"))]), "two runs or more")
    one_line(capsys, main(["compare", str(tmp_path)]), "two runs or more")
    (tmp_path / "empty").mkdir()
    one_line(capsys, main(["compare", str(tmp_path / "empty")]), "two runs or more", "there is none")


@pytest.mark.slow
def test_the_figure_replaces_nothing_of_others(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    call = ["compare", str(made(tmp_path / "a")), str(made(tmp_path / "b", lr=0.5))]
    for _ in range(2):
        assert main(call) == 0 and "Their curves: compare.png" in capsys.readouterr().out
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")
    Path("mine.png").write_bytes(b"mine")
    one_line(capsys, main([*call, "--out", "mine.png"]), "mine.png exists already")


@pytest.mark.slow
@pytest.mark.parametrize(("n", "epochs"), [(1, 1), (2, 3), (12, 40), (40, 5)])
def test_curves_of_few_and_many_runs(n, epochs):
    pytest.importorskip("matplotlib")
    from tinycnn import plots

    made = {f"a run with a long name, number {k}": History(rows(*[(k + e) / 99 for e in range(epochs)]))
            for k in range(n)}
    figure = plots.compare_curves(made)
    assert [ax.get_title() for ax in figure.axes] == ["Training loss", "Validation loss", "Validation: joint"]
    drawn = [line for line in figure.axes[2].lines if len(line.get_xdata()) == epochs and line.get_markersize() < 10]
    best = max(made.values(), key=lambda history: max(history.column("valid_joint")))
    assert len(drawn) == n and list(drawn[-1].get_ydata()) == best.column("valid_joint")  # on top
    assert len(figure.legends[0].get_texts()) == min(n, 13)
    if n == 40:
        assert figure.legends[0].get_texts()[-1].get_text() == "28 that validate worse"
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.slow
def test_losses_that_are_computed_in_other_ways_are_not_drawn_together(tmp_path):
    pytest.importorskip("matplotlib")
    from unittest import mock

    with mock.patch("tinycnn.plots.compare_curves", side_effect=RuntimeError) as drawn, pytest.raises(RuntimeError):
        from tinycnn.cli.compare import draw

        draw([records.read(made(tmp_path / "a")), records.read(made(tmp_path / "b", box_loss="giou"))], None)
    assert drawn.call_args.kwargs == {"losses": False}
    from tinycnn import plots

    figure = plots.compare_curves({"a": History(rows(0.1)), "b": History(rows(0.2))}, losses=False)
    assert [ax.get_title() for ax in figure.axes][:2] == ["Validation: class accuracy", "Validation: mean IoU"]


@pytest.mark.parametrize(("joints", "best"), [((0.0, 0.0, 0.0), 3), ((0.1, 0.4, 0.4), 2)])
def test_the_ring_is_at_the_best_epoch_of_the_table_and_is_seen_whole(tmp_path, joints, best):
    """While nothing is right the validation loss decides, which falls in these runs."""
    pytest.importorskip("matplotlib")
    from tinycnn import plots

    record = records.read(made(tmp_path / "a", joints, test=None))
    assert record.best_epoch == best
    *_, ring = plots.compare_curves({"a": record.history, "b": record.history}).axes[2].lines
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([best], [joints[best - 1]])
    assert not ring.get_clip_on() and not plots.curves(record.history).axes[-1].lines[-2].get_clip_on()


def a_pose_run(folder, **settings):
    """A run that learned poses."""
    made(folder, **{"task": "pose", "model": "pose", "data": {"name": "people"}} | settings)
    kept = [{"epoch": e, "seconds": 1.0, "lr": 0.1, "loss": 1.0, "valid_loss": 1.0, "valid_pck": 0.7, "valid_pcp": 0.6}
            for e in (1, 2, 3)]
    History(kept).save(folder / "history.csv")
    (folder / "metrics.json").write_text(json.dumps({"best_epoch": 1, "valid": {"pck/total": 0.7},
                                                     "test": {"pck/total": 0.75}}))
    return folder


def test_runs_of_different_tasks_have_a_table_and_a_note(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    call = ["compare", str(made(tmp_path / "a")), str(a_pose_run(tmp_path / "b")), "--out", str(tmp_path / "it.png")]
    assert main(call) == 0
    first, *_, last = capsys.readouterr().out.strip().split("\n\n")
    lines = [line.split() for line in first.splitlines()]
    assert lines[0][:7] == ["run", "best", "epoch", "valid", "joint", "valid", "PCK"]
    assert lines[2][:6] == ["a", "2", "of", "3", "0.400", "-"] and lines[3][:6] == ["b", "1", "of", "3", "-", "0.700"]
    assert last == "Nothing can be drawn together: they learned different tasks."
    assert not (tmp_path / "it.png").exists()
    assert main([*call, "--json"]) == 0 and len(json.loads(capsys.readouterr().out)) == 2


def test_a_run_of_one_stage_has_no_settings_of_a_second(tmp_path, capsys):
    one = a_pose_run(tmp_path / "one", stages=1)
    other = a_pose_run(tmp_path / "other", stages=1, lr=0.5, second_epochs=10)
    assert "second" not in compared(capsys, one, other)
    two = a_pose_run(tmp_path / "two", stages=2, second_epochs=7)
    lines = [line.split() for line in compared(capsys, one, two).splitlines()]
    column = lines[0].index("second-epochs")
    assert lines[2][column] == "-" and lines[3][column] == "7"


def a_run_without_epochs(folder):
    """A run of a HOG with an SVM."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({
        "settings": {"size": 64, "model": "hog-svm"}, "data": {"name": "scenes", "classes": ["cat"], "test": 8}}))
    (folder / "metrics.json").write_text(json.dumps({"best_epoch": 1, "valid": {"joint": 0.25}, "test": TEST}))
    return folder


def test_a_run_without_epochs_has_none_in_the_table_and_is_named_where_it_has_no_curve(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    call = ["compare", str(made(tmp_path / "a")), str(a_run_without_epochs(tmp_path / "hog")), "--out",
            str(tmp_path / "it.png")]
    assert main(call) == 0
    told = capsys.readouterr().out
    lines = [line.split() for line in told.splitlines()]
    assert ["hog", "-", "0.250", "0.500", "0.250", "0.125"] in lines
    assert ["epochs", "3", "-"] in lines and ["model", "localizer", "hog-svm"] in lines
    assert f"Their curves: {tmp_path / 'it.png'}\nNo curves (learned without epochs): hog.\n" in told
    assert main([*call, "--json"]) == 0 and json.loads(capsys.readouterr().out)[1]["best_epoch"] is None
    (tmp_path / "a" / "history.csv").unlink()
    assert main(call) == 0
    told = capsys.readouterr().out
    assert "Their curves" not in told and "No curves (no history.csv): a." in told


def test_the_table_is_there_where_nothing_can_be_drawn(tmp_path, capsys):
    """As with an ending that no figure has, or without matplotlib."""
    pytest.importorskip("matplotlib")
    call = ["compare", str(made(tmp_path / "a")), str(made(tmp_path / "b", lr=0.5)), "--out", str(tmp_path / "it.what")]
    assert main(call) != 0
    told = capsys.readouterr()
    assert "valid joint" in told.out and "its ending must be one of" in told.err

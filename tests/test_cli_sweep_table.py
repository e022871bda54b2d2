"""What a sweep says of runs that have ended: their order, equals, seeds together, and the choice in words."""

import itertools
from pathlib import Path

from tinycnn.cli import records, sweep
from tinycnn.history import History


def record(joint, epochs=5, test=0.5, **settings):
    scores = {"accuracy": joint, "mean_iou": joint, "joint": joint, "count": 10}
    return records.Record(Path("out/x"), {"task": "localize"} | settings, History([]) and None,
                          {"best_epoch": epochs, "valid": scores, "test": scores | {"joint": test}}, {})


def tied(name, loss, folder="x", **settings):
    """A run whose joint is 0, as those of others, and whose best epoch is the second."""
    rows = [{"epoch": epoch, "loss": 1.0, "valid_loss": loss + 2 - epoch, "valid_joint": 0.0} for epoch in (1, 2)]
    one = record(0.0, 2, **settings)
    return {"lr": name}, one._replace(history=History(rows), folder=Path("out", folder))


def test_equals_are_told_apart_by_their_validation_loss_and_then_by_name():
    ended = [tied(0.1, 0.9), tied(0.2, 0.4), tied(0.3, 0.7)]
    for order in itertools.permutations(ended):
        groups = sweep._groups(list(order))
        assert [combination["lr"] for combination, _ in groups] == [0.2, 0.3, 0.1]
        told = sweep.in_words(groups, {"lr": [0.1, 0.2, 0.3]})
        assert "Another combination does as well, with a higher validation loss." in told
    for same in ([tied(0.1, 0.5), tied(0.2, 0.5)], [tied(0.1, 0.5, box_loss="l2"), tied(0.2, 0.4, box_loss="giou")]):
        for order in (same, same[::-1]):  # the same losses, and losses that cannot be compared
            groups = sweep._groups(order)
            assert [combination["lr"] for combination, _ in groups] == [0.1, 0.2]
            assert "Another combination does as well." in sweep.in_words(groups, {"lr": [0.1, 0.2]})
    seeds = [({"seed": k}, tied(0.1, loss, f"seed={k}")[1]) for k, loss in enumerate((0.5, 0.3, 0.4))]
    assert "seed=1" in sweep.in_words(sweep._groups(seeds), {"seed": [0, 1, 2]})


def test_what_learns_without_epochs_has_none_in_the_table():
    ended = [({"svm_cost": cost}, record(cost, 1, model="hog-svm")) for cost in (0.1, 0.2)]
    lines = [line.split() for line in sweep.in_words(sweep._groups(ended), {"svm_cost": [0.1, 0.2]}).splitlines()]
    assert lines[2][:2] == ["0.2", "-"]


def test_seeds_are_told_by_mean_and_spread():
    ended = [({"lr": lr, "seed": seed}, record(joint, test=joint / 2)) for lr, joints in
             ((0.1, (0.2, 0.4, 0.6)), (0.2, (0.5, 0.5, 0.5))) for seed, joint in enumerate(joints)]
    told = sweep.in_words(sweep._groups(ended), {"lr": [0.1, 0.2], "seed": [0, 1, 2]})
    lines = [line.split() for line in told.splitlines()]
    assert lines[2][:2] == ["0.2", "3"] and lines[3][:2] == ["0.1", "3"]
    assert lines[2][-3:] == ["0.500", "±", "0.000"] and lines[3][-3:] == ["0.400", "±", "0.200"]
    assert "joint 0.250 ± 0.000" in told and "0.1 behind" not in told
    assert "is 0.100 behind, less than one standard deviation" in told
    assert "of so few it is a rough guess" in told


def test_seeds_alone_and_equals():
    ended = [({"seed": seed}, record(0.3)) for seed in (0, 1)]
    told = sweep.in_words(sweep._groups(ended), {"seed": [0, 1]})
    assert "0.300 ± 0.000" in told and "Chosen" not in told and "cannot be told apart" not in told
    ended = [({"lr": lr}, record(0.3)) for lr in (1, 2)]
    assert "Another combination does as well." in sweep.in_words(sweep._groups(ended), {"lr": [1, 2]})

"""diagnose: why does it not learn? Data, network, gradients and predictions checked one after another, with advice.

The question that people ask most is "it predicts the same box for every image". It has a dozen causes, and each can be
measured: are the targets what they should be, does the first loss equal log K, can the network learn eight pictures by
heart, is a layer dead, does the box head's gradient arrive in the trunk? Every check gives one Finding: what was
measured, in numbers, and what to do about it.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tinycnn.data.dataset import Dataset, Samples
from tinycnn.errors import DataError
from tinycnn.inspection import data_checks, model_checks, prediction_checks
from tinycnn.inspection.case import Case
from tinycnn.inspection.finding import LOOK, OK, WRONG, Finding
from tinycnn.inspection.taps import expect_localizer, expect_pictures, loss_for
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer
from tinycnn.optim import Optimizer
from tinycnn.plots.look import Figure
from tinycnn.text import aligned, plain

MARKS = {OK: "✓", LOOK: "!", WRONG: "✗"}
WIDTH = 118  # letters of a printed line
BATCH = 32  # training pictures whose gradients are looked at
ENOUGH = 256  # pictures of each part that are predicted


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The findings, in the order of the checks; `ok` if none says that something is wrong.

    predictions: what the figure draws: codes (n, 4) predicted and true, in 0..1, and the mean box of the training part
    """

    findings: tuple[Finding, ...]
    predictions: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        return all(finding.level != WRONG for finding in self.findings)

    def __getitem__(self, check: str) -> Finding:
        """The Finding of one check, by its name."""
        return next(finding for finding in self.findings if finding.check == check)

    def __repr__(self) -> str:
        rows = []
        for finding in self.findings:
            rows.append((f"{MARKS[finding.level]} {finding.check}", finding.measured))
            rows += [("", f"-> {finding.advice}")] if finding.advice else []
        counts = [sum(finding.level == level for finding in self.findings) for level in (WRONG, LOOK, OK)]
        return "\n".join([*aligned(rows, left=2, wrap=WIDTH), "", "{} wrong, {} worth a look, {} fine".format(*counts)])

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists and numbers, ready for JSON."""
        return plain({"ok": self.ok, "findings": [asdict(finding) for finding in self.findings]})

    def plot(self) -> Figure:
        """Predicted against true boxes, number by number: the same box for all images is a horizontal line."""
        from tinycnn.plots.heads import boxes_figure

        return boxes_figure(self.predictions)


def diagnose(model: Localizer, data: Dataset | Samples, loss: MultiTaskLoss | None = None,
             optimizer: Optimizer | None = None, seed: int = 0, overfit_steps: int | None = None) -> Diagnosis:
    """Check data and network from end to end; returns a Diagnosis. Nothing of `model` changes.

    data: a Dataset, or Samples, which are then taken as training pictures
    loss, optimizer: as in training; default MultiTaskLoss() and what fit takes
    overfit_steps: steps to learn eight pictures by heart; default 200, and 80 for networks of over ten million weights
        (with AlexNet some minutes on a CPU); 0 leaves that check out
    """
    expect_localizer(model, "diagnose")
    expect_pictures(data, "diagnose")
    parts = {"train": data} if isinstance(data, Samples) else dict(data.parts)
    train = parts["train"]
    if not len(train):
        raise DataError("diagnose needs training pictures, and there are none")
    unseen = next((parts[name] for name in ("valid", "test") if len(parts.get(name, ()))), None)
    findings = [*data_checks.run(parts, seed)]
    findings += [model_checks.classes(model, train), model_checks.weights(model)]
    if WRONG in (findings[-1].level, findings[-2].level):
        return Diagnosis(tuple(findings))  # nothing further can be measured
    loss = loss_for(model, loss)
    case = Case(model, train, unseen, loss, optimizer, seed, BATCH, ENOUGH)
    findings += [model_checks.statistics(case), model_checks.first_loss(case)]
    if overfit_steps != 0:
        findings.append(model_checks.handful(case, overfit_steps))
    findings += [model_checks.layers(case), model_checks.heads(case), prediction_checks.same_box(case),
                 prediction_checks.same_class(case), prediction_checks.learned(case)]
    mean = np.average(case.codes(train), axis=0)
    predictions = {"predicted": case.looked.codes, "true": case.codes(case.looked.samples), "mean": mean,
                   "part": case.looked.part}
    return Diagnosis(tuple(findings), predictions)

"""Who pulls the trunk of a network with many heads, how hard, and which of them pull the same way."""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import to_device, to_numpy
from tinycnn.data.head_samples import HeadSamples
from tinycnn.head_losses import HeadLosses
from tinycnn.inspection.taps import twin
from tinycnn.models.multi_head import MultiHead
from tinycnn.tasks import task_of
from tinycnn.text import figure_of, kind, table


@dataclass(frozen=True)
class Pulls:
    """The gradients of H heads where they meet, at the features, with the weights of the loss.

    heads: H names    losses: (H,) without weights    norms: (H,)    cosines: (H, H) of the angles between them: 1 where
    a step for one helps the other, 0 where it leaves it alone, -1 where it harms it; NaN where a head does not pull
    """

    heads: tuple[str, ...]
    losses: np.ndarray
    norms: np.ndarray
    cosines: np.ndarray

    def __str__(self) -> str:
        rows = [(name, figure_of(loss), figure_of(norm), *("-" if np.isnan(c) else f"{c:+.2f}" for c in cosines))
                for name, loss, norm, cosines in zip(self.heads, self.losses, self.norms, self.cosines, strict=True)]
        return table([("head", "loss", "pull", *(f"cosine to {name}" for name in self.heads)), *rows])


def head_pulls(model: MultiHead, samples: HeadSamples, loss: HeadLosses | None = None) -> Pulls:
    """The Pulls of all heads on `samples`, one batch; nothing of `model` changes. loss: default every head's usual one
    """
    if not isinstance(model, MultiHead):
        raise TypeError(f"head_pulls takes a MultiHead, got {kind(model)}: head_gradients is of a Localizer")
    second = twin(model).eval()
    task = task_of(second, "head_pulls")
    samples, _ = task.fitting(samples, None)
    loss = task.usual_loss(None) if loss is None else loss
    task.check_loss(loss, "head_pulls", None)
    task.prepare(samples, None, 0, loss)
    (batch,) = task.batches(samples, len(samples), shuffle=False, workers=0)
    features = second.trunk.forward(second.normalize(to_device(batch.images, second.device)))
    loss.forward({name: head.forward(features) for name, head in second.heads.items()}, task.truth(batch))
    gradients = loss.backward()
    pulls = np.stack([to_numpy(head.backward(gradients[name])).astype(np.float64).ravel()
                      for name, head in second.heads.items()])  # (H, N * features)
    norms = np.linalg.norm(pulls, axis=1)
    with np.errstate(invalid="ignore"):
        cosines = pulls @ pulls.T / np.outer(norms, norms)
    losses = np.array([float(loss.terms[name]) for name in second.heads])
    return Pulls(tuple(second.heads), losses, norms, cosines)

"""The task of a WindowDetector, which learns without epochs, by its own `fit`: here it is only measured."""

from typing import Any

from tinycnn.classical.window import WindowDetector
from tinycnn.data.dataset import Samples
from tinycnn.tasks.localization import Localization
from tinycnn.tasks.parts import expect_part, expect_something


class WindowDetection:
    """See tinycnn/tasks."""

    comparison_table = staticmethod(Localization.comparison_table)

    def __init__(self, model: WindowDetector) -> None:
        self.model = model

    def fitting(self, train: Any, valid: Any) -> Any:
        """Refused: no epochs, no loss, no optimizer of the caller's."""
        raise TypeError("fit trains networks by epochs; a WindowDetector learns by its own method: "
                        "model.fit(samples, C=0.01, seed=0)")

    def evaluate(self, samples: Samples, train_samples: Samples | None, batch_size: int,
                 workers: int) -> dict[str, float]:
        """All metrics of tinycnn.metrics, with the baselines made from `train_samples` beside them."""
        return self.measure(samples, train_samples, batch_size, workers)[0]

    def measure(self, samples: Samples, train_samples: Samples | None, batch_size: int,
                workers: int) -> tuple[dict[str, float], Any]:
        """What `evaluate` gives, and the Breakdown of the same answers."""
        from tinycnn.breakdown import breakdown
        from tinycnn.metrics import evaluate_predictions

        expect_part(Localization, samples, "evaluate")
        expect_something(samples)
        samples = samples.relabel(self.model.classes)
        train_samples = train_samples and train_samples.relabel(self.model.classes)
        answer = self.model.predict(samples.images)
        answers = answer.labels, answer.boxes, answer.probabilities, samples
        return evaluate_predictions(*answers, train_samples), breakdown(*answers)

"""The record of a training run: one row of numbers per epoch, kept as a CSV that any program reads."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from tinycnn.files import atomic_write

Row = dict[str, float]


@dataclass
class History:
    """rows: one dict per epoch, with the same keys: epoch, seconds, lr, loss, class_loss, box_loss, and, where there
    are validation samples, valid_loss, valid_class_loss, valid_box_loss, valid_accuracy, valid_mean_iou, valid_iou50,
    valid_joint.
    """

    rows: list[Row] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        """One number per epoch: history.column("valid_joint")."""
        return [row[name] for row in self.rows]

    @property
    def best_epoch(self) -> int:
        """The epoch (counted from 1) with the highest valid_joint, the first among equals; the last without one."""
        if not self.rows or "valid_joint" not in self.rows[0]:
            return len(self.rows)
        joint = self.column("valid_joint")
        return joint.index(max(joint)) + 1

    def save(self, path: str | Path) -> None:
        """Write the rows as CSV."""
        with atomic_write(path, "w") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            for row in self.rows:
                writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return "\n".join(describe(row) for row in self.rows)


def describe(row: Row) -> str:
    """One epoch as a line for people."""
    line = f"epoch {row['epoch']:>3}  {row['seconds']:5.1f} s  loss {row['loss']:.4f} " \
           f"(class {row['class_loss']:.4f}, box {row['box_loss']:.4f})"
    if "valid_joint" in row:
        line += f"   valid: class {row['valid_class_loss']:.4f}, box {row['valid_box_loss']:.4f}, " \
                f"accuracy {row['valid_accuracy']:.3f}, IoU {row['valid_mean_iou']:.3f}, joint {row['valid_joint']:.3f}"
    return line

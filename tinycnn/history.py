"""The record of a training run: one row of numbers per epoch, kept as a CSV that any program reads."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from tinycnn.files import atomic_write

Row = dict[str, float]


@dataclass
class History:
    """rows: one dict per epoch, with the same keys: epoch, seconds, lr, loss, and each term of the loss under its name
    (class_loss, box_loss). Where there are validation samples, also valid_loss, valid_class_loss, valid_box_loss,
    valid_accuracy, valid_mean_iou, valid_iou50, valid_joint.
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
    terms = [name.removesuffix("_loss") for name in row if name.endswith("_loss") and not name.startswith("valid_")]
    told = ", ".join(f"{name} {row[f'{name}_loss']:.4f}" for name in terms)
    line = f"epoch {row['epoch']:>3}  {row['seconds']:5.1f} s  loss {row['loss']:.4f}" + (f" ({told})" if told else "")
    if "valid_joint" in row:
        valid = ", ".join(f"{name} {row[f'valid_{name}_loss']:.4f}" for name in terms or [])
        valid = valid or f"loss {row['valid_loss']:.4f}"
        line += f"   valid: {valid}, " \
                f"accuracy {row['valid_accuracy']:.3f}, IoU {row['valid_mean_iou']:.3f}, joint {row['valid_joint']:.3f}"
    return line

"""What is usual for each model where it is not what the table of settings (options.py) says."""

POSE_DATA = {"size": {"scenes": 4000, "photographs": None}, "epochs": {"scenes": 24, "photographs": 80},
             "valid_fraction": {"scenes": 0.0625, "photographs": 0.05}}  # fmt: skip
# What is different for a model, whatever the data, or for each kind of them. None: it has its own, and the option has
# no meaning.
PRESETS: dict[str, dict[str, object]] = {
    "localizer": {},
    "resnet": {"channels": (32, 64, 128, 192), "hidden": 128, "dropout": 0.3, "mirror": True, "batch_size": 64,
               "lr": 2e-3, "weight_decay": 0.02, "warmup": 0.1, "label_smoothing": 0.1, "box_loss": "smooth-l1",
               "beta": 0.5, "box_weight": 2.0},
    "hog-heads": {"channels": None, "hidden": None, "dropout": 0.0},
    "hog-svm": dict.fromkeys(("channels", "hidden", "dropout")),
    "haar": dict.fromkeys(("channels", "hidden", "dropout")),
    "pose": {"channels": (32, 64, 128, 192), "hidden": 256, "dropout": 0.3, "mirror": True, "batch_size": 64,
             "lr": 2e-3, "weight_decay": 0.02, "box_loss": "smooth-l1", "beta": 0.5, **POSE_DATA},
    "pose-plain": {"channels": (16, 32, 64, 128), "hidden": 256, "dropout": 0.0, "mirror": True, "batch_size": 32,
                   "lr": 2e-3, "box_loss": "smooth-l1", "beta": 0.1, **POSE_DATA,
                   "size": {"scenes": 10000, "photographs": None}, "stages": {"scenes": 2, "photographs": 1}},
    "pose-maps": {"channels": (16, 32, 64, 96, 128), "hidden": None, "dropout": None, "mirror": True,
                  "batch_size": 32, "lr": 2e-3, "box_loss": "smooth-l1", "beta": 0.1, **POSE_DATA,
                  "size": {"scenes": 10000, "photographs": None}, "epochs": {"scenes": 18, "photographs": 50}},
    "pose-alexnet": {"channels": None, "hidden": None, "dropout": 0.5, "mirror": True, "batch_size": 16, "lr": 1e-4,
                     "warmup": 0.1, "clip_norm": 1.0, "box_loss": "smooth-l1", "beta": 0.5, **POSE_DATA},
    "alexnet": {"channels": None, "hidden": None, "dropout": 0.5, "batch_size": 16, "lr": 1e-4, "warmup": 0.1,
                "clip_norm": 1.0},
}

"""The settings of a training, each in one line: its name, its type, and its default for scenes and for photographs.

The same table makes the options of the commands, the defaults, and the check of a config.json that is read back. A
default of None is written "none" on the command line: `--patience none`.
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

from tinycnn.box_losses import BOX_LOSSES
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import number, numbers, optional, part_and_epochs, place, weights_of_classes
from tinycnn.cli.presets import PRESETS
from tinycnn.data.formats import FORMATS
from tinycnn.data.mixing import MIXES
from tinycnn.data.named import CATALOG, expect, set_in
from tinycnn.errors import DataError
from tinycnn.models.alexnet import VARIANTS
from tinycnn.models.architectures import ARCHITECTURES
from tinycnn.models.architectures import defaults as architecture_arguments


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError, so that a wrong call ends as every other failure does."""

    def __init__(self, **arguments):
        super().__init__(allow_abbrev=False, **arguments)

    def error(self, message):
        raise UsageError(f"{message} ({self.prog} --help lists what can be given)")


# The models of each task, the usual one first, and what is drawn for it.
TASKS = {"localize": ("localizer", "resnet", "alexnet", "hog-heads", "hog-svm", "haar"),
         "pose": ("pose-maps", "pose", "pose-plain", "pose-alexnet")}
MODELS = tuple(model for models in TASKS.values() for model in models)
DRAWN = {"localize": "scenes", "pose": "people"}


class Setting(NamedTuple):
    """One setting: defaults of the two kinds of data, and how it is read from text."""

    name: str
    scenes: object
    photographs: object
    parse: object
    help: str
    choices: tuple | None = None


count, rate, share = number(int, least=1), number(float, least=0), number(float, least=0, below=1)
seed = number(int, least=0)

DEVICE = Setting("device", "auto", "auto", str, "what computes: auto, cpu, cuda, cuda:1 ...")
DATA = (
    Setting("task", "localize", "localize", str, "what is learned: what is in a picture and where, or a person's pose",
            tuple(TASKS)),
    Setting("data", "scenes", "scenes", place, "a folder or file of annotated pictures; or the words scenes or people: "
            "drawn ones; or the name of a set that tinycnn data fetch has brought"),
    Setting("format", None, None, optional(str), "how they are annotated; none: recognize it",
            (None, *FORMATS)),
    Setting("units", None, None, optional(str), "what boxes count in; none: what the format says, or what they show",
            (None, "pixels", "shares", "percent")),
    Setting("orientation", None, None, optional(str), "what boxes refer to where EXIF turns a picture; none: find out",
            (None, "stored", "upright")),
    Setting("difficult", False, False, bool, "take in objects marked as difficult, crowds or groups"),
    Setting("size", 8000, None, optional(count), "pictures to train with; none: all there are"),
    Setting("valid_fraction", 0.0625, 0.1, share, "share of the training pictures to choose the best epoch with"),
    Setting("test_fraction", None, None, optional(share), "share of all pictures to test with, where no test part is"),
    Setting("group_by", None, None, optional(str), "pictures that stay in one part: those of one folder, or those in "
            r"whose paths a pattern finds the same, as '(video\d+)_frame'; folder, PATTERN or none"),
    Setting("data_seed", 0, 0, seed, "of the scenes, or of the division into parts"),
)
MODEL = (
    Setting("model", "localizer", "localizer", str, "the architecture", MODELS),
    Setting("image_size", 64, 64, number(int, least=8), "side of the network's input, pixels"),
    Setting("channels", (16, 32, 64, 256), (32, 64, 128, 256), numbers, "filters of each convolution, as 16,32,64"),
    Setting("hidden", 256, 512, count, "width of the layer that both heads share"),
    Setting("dropout", 0.0, 0.5, share, "share of features dropped while training"),
    Setting("per_class_boxes", False, False, bool, "one box for each class instead of one for all"),
    Setting("variant", "paper", "paper", str, "of alexnet", tuple(VARIANTS)),
    Setting("mirror", False, False, bool, "answer with the mean of what a picture and its mirror image give"),
)
TRAINING = (
    Setting("epochs", 8, 30, count, "passes over the training pictures"),
    Setting("batch_size", 32, 32, count, "pictures in one step"),
    Setting("stages", 1, 1, number(int, least=1, most=2), "of a pose: 2 refines each joint on a square around it; "
            "of drawn people 2 are usual"),
    Setting("second_epochs", 2, 10, count, "passes of the second stage"),
    Setting("second_size", 32, 32, number(int, least=16), "side of what the second stage sees of a square, pixels"),
    Setting("second_channels", (16, 32, 64), (32, 64, 128), numbers, "filters of the second stage's convolutions"),
    Setting("second_hidden", 128, 128, count, "width of the second stage's hidden layer"),
    Setting("zoom", 0.5, 0.5, number(float, above=0, most=1), "side of a square, as a share of the person's window"),
    Setting("optimizer", "adam", "adam", str, "the optimizer", ("sgd", "adam")),
    Setting("lr", 2e-3, 1e-3, rate, "learning rate"),
    Setting("init", None, None, optional(place), "weights to begin with: a run, its model.npz, or published ones"),
    Setting("freeze", None, None, optional(part_and_epochs), "a part that stays as it is at first, as trunk:3 epochs"),
    Setting("trunk_rate", 1.0, 1.0, rate, "factor on the learning rate of the trunk"),
    Setting("momentum", 0.9, 0.9, share, "of sgd"),
    Setting("weight_decay", 0.0, 0.0, rate, "how strongly weights are pulled to 0"),
    Setting("schedule", "cosine", "cosine", str, "of the learning rate", ("constant", "steps", "cosine")),
    Setting("warmup", 0.05, 0.05, share, "share of the training in which cosine raises the rate from 0"),
    Setting("clip_norm", None, None, optional(rate), "largest norm of the gradient"),
    Setting("augment", "light", "strong", str, "random changes of the training pictures", ("none", "light", "strong")),
    Setting("mix", "none", "none", str, "two training pictures in one, whose classes are those of both: laid over each "
            "other, or a square pasted in; the box stays that of the larger share", ("none", *MIXES)),
    Setting("mix_alpha", None, None, optional(number(float, above=0)), "of the shares, drawn from Beta(alpha, alpha); "
            "none: 0.2 for mixup, 1 for cutmix"),
    Setting("balance", False, False, bool, "show all classes equally often, however rare; probabilities are then "
            "those of equally frequent classes, so a rare class is named more often, also where it is wrong"),
    Setting("class_weight", 1.0, 1.0, rate, "of the class loss in the sum"),
    Setting("box_weight", 1.0, 1.0, rate, "of the box loss in the sum"),
    Setting("box_loss", "l2", "l2", str, "what the box head, or the joints, learn by", tuple(BOX_LOSSES)),
    Setting("beta", 1.0, 1.0, number(float, above=0), "where smooth-l1 goes from square to line"),
    Setting("label_smoothing", 0.0, 0.0, share, "share of the true class that is spread over all"),
    Setting("class_weights", None, None, optional(weights_of_classes), "of the classes in the class loss: balanced, by "
            "how rare they are in the training pictures, or cat=2,dog=0.5, all others 1; none: 1 each"),
    Setting("accumulate", 1, 1, count, "batches in one step, whose mean gradient it takes"),
    Setting("average", None, None, optional(share), "what an average of the weights keeps of itself at each step, as "
            "0.999; that is validated and kept"),
    Setting("svm_cost", 0.01, 0.01, number(float, above=0), "what a window on the wrong side costs an SVM"),
    Setting("patience", None, None, optional(count), "stop after so many epochs without a better one"),
    Setting("seed", 0, 0, seed, "of the weights, the order, the augmentation"),
    Setting("workers", 1, 1, number(int, least=0), "background threads that prepare batches"),
    DEVICE,
)
SETTINGS = DATA + MODEL + TRAINING
BY_EPOCHS = {"epochs", "batch_size", "optimizer", "lr", "init", "freeze", "trunk_rate", "momentum", "weight_decay",
             "schedule", "warmup", "clip_norm", "augment", "mix", "mix_alpha", "balance", "class_weight", "box_weight",
             "box_loss", "beta", "label_smoothing", "class_weights", "accumulate", "average", "patience"}  # fmt: skip
WITHOUT_EPOCHS = ("hog-svm", "haar")
OF_ANY_MODEL = {*(setting.name for setting in DATA), "seed", "workers", "device"}
LOCALIZERS_ALONE = {"class_weight", "box_weight", "label_smoothing", "class_weights", "mix", "mix_alpha", "format",
                    "units", "orientation", "difficult", "test_fraction", "group_by", "balance"}
SECOND_STAGE = {"second_epochs", "second_size", "second_channels", "second_hidden", "zoom"}
POSES_ALONE = {"stages"} | SECOND_STAGE
OF_THE_LIST = ("channels", "second_channels", "class_weights")  # their values have commas in them
JOINED = {"channels": ",", "second_channels": ",", "freeze": ":"}  # how what has several parts is written
GROUPS = {"the data": DATA, "the model": MODEL, "the training": TRAINING}


def options(*settings):
    """A parser with one option for each setting; only what is given becomes an attribute of the result."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    groups = {}
    for setting in settings:
        title = next(title for title, members in GROUPS.items() if setting in members)
        group = groups[title] = groups.get(title) or parser.add_argument_group(title)
        flag = f"--{setting.name.replace('_', '-')}"
        if setting.parse is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=setting.help)
            continue
        values = " | ".join(str(c).lower() for c in setting.choices) + "; " if setting.choices else ""
        group.add_argument(flag, type=setting.parse, choices=setting.choices, metavar="X",
                           help=f"{setting.help} ({values}{_default(setting)})")
    return parser


def given(arguments):
    """The settings that stand on the command line."""
    known = {s.name: getattr(arguments, s.name) for s in SETTINGS if hasattr(arguments, s.name)}
    return known | {"data": located(known["data"])} if "data" in known else known


def located(data):
    """Where the data lie: the folder of a named set, else what was given. Files and folders here come before names."""
    if data not in CATALOG or os.path.lexists(data):
        return data
    try:
        return str(expect(CATALOG[data]))
    except DataError as error:
        raise UsageError(f"there is no {data} here, and {error}") from None


def absolute(known):
    """The same settings with whole paths, so that a config.json works from any folder."""
    return known | {name: str(Path(known[name]).absolute()) for name in ("data", "init")
                    if known.get(name) not in (None, *DRAWN.values())}


def resolve(known, earlier=None):
    """All settings: what is known, then those of an earlier run, then the defaults of the kind of data and model."""
    earlier = earlier or {}
    if known.get("model", earlier.get("model")) != earlier.get("model"):
        # Another model begins with its own settings; of the earlier run it keeps the data and the seed.
        earlier = {name: value for name, value in earlier.items() if name in OF_ANY_MODEL}
    asked, known = known, earlier | known
    named = set_in(known["data"]) if "data" in known else None
    usual = "localize" if named is None else named.task
    task = known.get("task", next((task for task, models in TASKS.items() if known.get("model") in models), usual))
    if named is not None and named.task != task:
        raise UsageError(f"{named.title} is learned by --task {named.task}, with --model "
                         f"{' or '.join(TASKS[named.task])}")
    data, model = known.get("data", DRAWN[task]), known.get("model")
    model = TASKS[task][0] if model is None else model
    if model not in TASKS[task] or data in DRAWN.values() and data != DRAWN[task]:
        raise UsageError(f"--task {task} learns {DRAWN[task]}, or photographs, with --model "
                         f"{' or '.join(TASKS[task])}; got --model {model} --data {data}")
    kind = "scenes" if data in DRAWN.values() else "photographs"
    if kind == "scenes" and asked.get("group_by") is not None:
        raise UsageError(f"--group-by has no meaning for drawn {data}, each of which is another one")
    defaults = {setting.name: getattr(setting, kind) for setting in SETTINGS}
    preset = {name: value[kind] if isinstance(value, dict) else value for name, value in PRESETS[model].items()}
    defaults |= {"task": task, "data": data, "model": model, **preset}
    if "alexnet" in model:
        defaults["image_size"] = VARIANTS[known.get("variant", "paper")].image_size
    if task == "pose" and known.get("box_loss") == "giou":
        raise UsageError("--box-loss giou compares boxes; joints are learned by l2 or smooth-l1")
    stages, given_second = known.get("stages", defaults["stages"]), sorted(set(asked) & SECOND_STAGE)
    if task == "pose" and stages == 1 and given_second:
        raise UsageError(f"--{given_second[0].replace('_', '-')} is of a second stage, and there is one: --stages 2")
    if asked.get("mix_alpha") is not None and known.get("mix", defaults["mix"]) == "none":
        raise UsageError("--mix-alpha is of --mix mixup or cutmix, and nothing is mixed here")
    for why, names in meaningless(task, model, stages).items():
        if wrong := sorted(name for name in names & known.keys() if known[name] != defaults[name]):
            raise UsageError(f"--{wrong[0].replace('_', '-')} {why}")
    return defaults | known


def meaningless(task, model, stages=1):
    """{why: names of the settings that change nothing for this task, model and number of stages}"""
    maps = model == "pose-maps" and stages == 1  # a second stage says numbers again
    return {"compares numbers, and pose-maps says maps, which have a loss of their own: --model pose":
                {"box_loss", "beta"} if maps else set(),
            "has no meaning for a pose": LOCALIZERS_ALONE if task == "pose" else set(),
            "belongs to --task pose": POSES_ALONE if task != "pose" else set(),
            f"has no meaning for {model}, which learns in another way":
                (BY_EPOCHS if model in WITHOUT_EPOCHS else set()) | ({"svm_cost"} if model != "hog-svm" else set()),
            f"belongs to other models: {model} has no such choice": _fixed(model)}  # fmt: skip


def _fixed(model):
    """Settings of models that are no arguments of this one: it has its own value, or none."""
    drawing = {"model", "image_size"} if model in WITHOUT_EPOCHS else {"model"}  # which scenes have a size of their own
    return {setting.name for setting in MODEL} - drawing - architecture_arguments(model).keys()


def read_settings(values):
    """Settings from a config.json, checked as if they stood on the command line."""
    unknown = sorted(set(values) - {setting.name for setting in SETTINGS})
    if unknown:
        raise UsageError(f"there is no setting {', '.join(unknown)}")
    # None is a setting's own word for "not limited"; where it has no such word it stands for a model's fixed value.
    model = values.get("model", "localizer")
    fixed = _fixed(model) if isinstance(model, str) and model in ARCHITECTURES else ()
    words = [_word(setting, values[setting.name]) for setting in SETTINGS
             if setting.name in values and not (values[setting.name] is None and setting.name in fixed)]
    return given(options(*SETTINGS).parse_args(words))


def _word(setting, value):
    flag = setting.name.replace("_", "-")
    if setting.parse is bool:
        return f"--{flag}" if value else f"--no-{flag}"
    if setting.name in JOINED and isinstance(value, list | tuple):
        value = JOINED[setting.name].join(map(str, value))
    return f"--{flag}={'none' if value is None else value}"


def _default(setting):
    scenes, photographs = (_word(setting, value).partition("=")[2] for value in (setting.scenes, setting.photographs))
    return f"default {scenes}" if scenes == photographs else f"default {scenes} for scenes, {photographs} for pictures"

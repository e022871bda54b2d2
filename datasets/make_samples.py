"""Write the small data sets in datasets/samples: the same 24 drawn scenes in the formats of `read`.

    python datasets/make_samples.py            # into datasets/samples
    python datasets/make_samples.py elsewhere

They show what each format looks like on disk, down to its way of counting pixels, and give the tests and lessons
something to read. Nothing here is a photograph: the scenes are drawn by tinycnn.data.scenes. Needs tinycnn installed
(`pip install -e '.[images]'` in the repository).
"""

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from tinycnn.data.scenes import SCENE_CLASSES, scene

CLASSES = ("butterfly", "car", "fish", "mug")  # alphabetical, so that a label means the same in every format
SIZE = 64  # pixels; that of Tiny ImageNet
COUNTS = {"train": 4, "test": 2}  # scenes of each class


class Drawn(NamedTuple):
    """One scene: its file name without suffix, part, class, box (xmin, ymin, xmax, ymax) half-open, and pixels."""

    stem: str
    part: str
    label: str
    box: tuple
    pixels: np.ndarray  # uint8 (SIZE, SIZE, 3)


def draw():
    """The 24 scenes, train first, class by class; boxes rounded outward to whole pixels, which all formats can hold."""
    drawn = []
    for part, count in COUNTS.items():
        for label in CLASSES:
            for i in range(count):
                index = SCENE_CLASSES.index(label) + i * len(SCENE_CLASSES)
                pixels, _, box, _ = scene(index, part, seed=0, image_size=SIZE)
                xmin, ymin, xmax, ymax = *np.floor(box[:2]).astype(int), *np.ceil(box[2:]).astype(int)
                box = (max(0, int(xmin)), max(0, int(ymin)), min(SIZE, int(xmax)), min(SIZE, int(ymax)))
                drawn.append(Drawn(f"{part}_{label}_{i}", part, label, box, pixels))
    return drawn


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {} if path.suffix == ".png" else {"quality": 90, "format": "JPEG"}
    Image.fromarray(picture.pixels).save(path, **options)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_voc(folder, drawn):
    """Pascal VOC counts pixels from 1 and includes both ends: the half-open (0, 0, 10, 10) is 1, 1, 10, 10."""
    for picture in drawn:
        save(picture, folder / "JPEGImages" / f"{picture.stem}.jpg")
        annotation = ElementTree.Element("annotation")
        ElementTree.SubElement(annotation, "folder").text = "JPEGImages"
        ElementTree.SubElement(annotation, "filename").text = f"{picture.stem}.jpg"
        size = ElementTree.SubElement(annotation, "size")
        for name, value in (("width", SIZE), ("height", SIZE), ("depth", 3)):
            ElementTree.SubElement(size, name).text = str(value)
        thing = ElementTree.SubElement(annotation, "object")
        ElementTree.SubElement(thing, "name").text = picture.label
        ElementTree.SubElement(thing, "difficult").text = "0"
        bndbox = ElementTree.SubElement(thing, "bndbox")
        xmin, ymin, xmax, ymax = picture.box
        for name, value in (("xmin", xmin + 1), ("ymin", ymin + 1), ("xmax", xmax), ("ymax", ymax)):
            ElementTree.SubElement(bndbox, name).text = str(value)
        ElementTree.indent(annotation)
        text = ElementTree.tostring(annotation, encoding="unicode") + "\n"
        write(folder / "Annotations" / f"{picture.stem}.xml", text)
    for part in COUNTS:
        stems = [picture.stem for picture in drawn if picture.part == part]
        write(folder / "ImageSets" / "Main" / f"{part}.txt", "\n".join(stems) + "\n")


def write_coco(folder, drawn):
    """COCO writes x, y, width, height, and one JSON file for each part."""
    categories = [{"id": k, "name": name, "supercategory": "scene"} for k, name in enumerate(CLASSES, start=1)]
    for part in COUNTS:
        images, annotations = [], []
        for number, picture in enumerate((p for p in drawn if p.part == part), start=1):
            save(picture, folder / "images" / f"{picture.stem}.jpg")
            xmin, ymin, xmax, ymax = picture.box
            images.append({"id": number, "file_name": f"{picture.stem}.jpg", "width": SIZE, "height": SIZE})
            annotations.append({
                "id": number, "image_id": number, "category_id": CLASSES.index(picture.label) + 1,
                "bbox": [xmin, ymin, xmax - xmin, ymax - ymin], "area": (xmax - xmin) * (ymax - ymin), "iscrowd": 0,
            })
        content = {"images": images, "annotations": annotations, "categories": categories}
        write(folder / "annotations" / f"instances_{part}.json", json.dumps(content, indent=1) + "\n")


def write_csv(folder, drawn):
    """The table holds half-open pixels, as the library uses them."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "labels.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["image", "label", "xmin", "ymin", "xmax", "ymax", "split"])
        for picture in drawn:
            save(picture, folder / "images" / f"{picture.stem}.png")
            table.writerow([f"images/{picture.stem}.png", picture.label, *picture.box, picture.part])


def write_tiny_imagenet(folder, drawn):
    """Tiny ImageNet counts from 0 and includes both ends: the half-open (0, 0, 10, 10) is 0, 0, 9, 9."""
    numbers = {label: f"s{k:08d}" for k, label in enumerate(CLASSES, start=1)}  # WordNet's begin with n
    write(folder / "wnids.txt", "".join(f"{number}\n" for number in numbers.values()))
    write(folder / "words.txt", "".join(f"{number}\t{label}, drawn {label}\n" for label, number in numbers.items()))
    lines = {number: [] for number in numbers.values()} | {"val": []}
    for picture in drawn:
        number, name = numbers[picture.label], f"{picture.stem}.JPEG"
        xmin, ymin, xmax, ymax = picture.box
        corners = f"{xmin}\t{ymin}\t{xmax - 1}\t{ymax - 1}\n"
        if picture.part == "train":
            save(picture, folder / "train" / number / "images" / name)
            lines[number].append(f"{name}\t{corners}")
        else:
            save(picture, folder / "val" / "images" / name)
            lines["val"].append(f"{name}\t{number}\t{corners}")
    write(folder / "val" / "val_annotations.txt", "".join(lines.pop("val")))
    for number, rows in lines.items():
        write(folder / "train" / number / f"{number}_boxes.txt", "".join(rows))


def write_yolo(folder, drawn):
    """YOLO counts in shares of the picture: class, middle of the box, its size."""
    names = ", ".join(CLASSES)
    write(folder / "data.yaml", f"train: images/train\ntest: images/test\n\nnc: {len(CLASSES)}\nnames: [{names}]\n")
    for picture in drawn:
        save(picture, folder / "images" / picture.part / f"{picture.stem}.jpg")
        xmin, ymin, xmax, ymax = (value / SIZE for value in picture.box)
        numbers = ((xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin)
        line = " ".join([str(CLASSES.index(picture.label)), *(f"{number:.7f}" for number in numbers)])
        write(folder / "labels" / picture.part / f"{picture.stem}.txt", line + "\n")


def write_labelme(folder, drawn):
    """LabelMe writes two corners, and one file beside each picture."""
    for picture in drawn:
        save(picture, folder / picture.part / f"{picture.stem}.jpg")
        xmin, ymin, xmax, ymax = map(float, picture.box)
        shape = {"label": picture.label, "points": [[xmin, ymin], [xmax, ymax]], "group_id": None, "description": "",
                 "shape_type": "rectangle", "flags": {}, "mask": None}
        content = {"version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": f"{picture.stem}.jpg",
                   "imageData": None, "imageHeight": SIZE, "imageWidth": SIZE}
        write(folder / picture.part / f"{picture.stem}.json", json.dumps(content, indent=2) + "\n")


def write_via(folder, drawn):
    """VGG Image Annotator writes x, y, width, height; the key of a picture ends with its size in bytes."""
    for part in COUNTS:
        content = {}
        for picture in (p for p in drawn if p.part == part):
            name = f"{picture.stem}.jpg"
            save(picture, folder / part / name)
            size = (folder / part / name).stat().st_size
            xmin, ymin, xmax, ymax = picture.box
            region = {"shape_attributes": {"name": "rect", "x": xmin, "y": ymin, "width": xmax - xmin,
                                           "height": ymax - ymin}, "region_attributes": {"class": picture.label}}
            content[f"{name}{size}"] = {"filename": name, "size": size, "regions": [region], "file_attributes": {}}
        write(folder / part / "via_region_data.json", json.dumps(content) + "\n")


def write_cvat(folder, drawn):
    """CVAT for images 1.1: one file, corners in float pixels, and the part as a subset."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    for number, picture in enumerate(drawn):
        name = f"{picture.stem}.jpg"
        save(picture, folder / "images" / picture.part.capitalize() / name)
        image = ElementTree.SubElement(root, "image", {
            "id": str(number), "name": name, "subset": picture.part.capitalize(), "width": str(SIZE),
            "height": str(SIZE)})
        corners = zip(("xtl", "ytl", "xbr", "ybr"), (f"{value:.2f}" for value in picture.box), strict=True)
        ElementTree.SubElement(image, "box", {
            "label": picture.label, "source": "manual", "occluded": "0", **dict(corners), "z_order": "0"})
    ElementTree.indent(root)
    write(folder / "annotations.xml", ElementTree.tostring(root, encoding="unicode") + "\n")


def write_open_images(folder, drawn):
    """Open Images counts in shares of the picture, x before y, and calls classes by codes."""
    codes = {label: f"/m/0s{k}" for k, label in enumerate(CLASSES)}
    write(folder / "class-descriptions-boxable.csv", "".join(f"{code},{label}\n" for label, code in codes.items()))
    for part in COUNTS:
        lines = ["ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,"
                 "IsInside"]
        for picture in (p for p in drawn if p.part == part):
            save(picture, folder / part / f"{picture.stem}.jpg")
            xmin, ymin, xmax, ymax = (f"{value / SIZE:.6f}" for value in picture.box)
            lines.append(f"{picture.stem},xclick,{codes[picture.label]},1,{xmin},{xmax},{ymin},{ymax},0,0,0,0,0")
        write(folder / f"{part}-annotations-bbox.csv", "\n".join(lines) + "\n")


def write_cub(folder, drawn):
    """Caltech-UCSD Birds writes x, y, width, height, and tables whose lines begin with the number of a picture."""
    classes = {label: f"{k:03}.{label}" for k, label in enumerate(CLASSES, start=1)}
    tables = {name: [] for name in ("images", "image_class_labels", "bounding_boxes", "train_test_split")}
    for number, picture in enumerate(drawn, start=1):
        name = f"{classes[picture.label]}/{picture.stem}.jpg"
        save(picture, folder / "images" / name)
        xmin, ymin, xmax, ymax = map(float, picture.box)
        tables["images"].append(f"{number} {name}")
        tables["image_class_labels"].append(f"{number} {CLASSES.index(picture.label) + 1}")
        tables["bounding_boxes"].append(f"{number} {xmin} {ymin} {xmax - xmin} {ymax - ymin}")
        tables["train_test_split"].append(f"{number} {int(picture.part == 'train')}")
    tables["classes"] = [f"{k} {name}" for k, name in enumerate(classes.values(), start=1)]
    for name, lines in tables.items():
        write(folder / f"{name}.txt", "\n".join(lines) + "\n")


WRITERS = {"voc": write_voc, "coco": write_coco, "csv": write_csv, "tiny-imagenet": write_tiny_imagenet,
           "yolo": write_yolo, "labelme": write_labelme, "via": write_via, "cvat": write_cvat,
           "open-images": write_open_images, "cub": write_cub}


def make(folder):
    """Write all of them below `folder`; what an earlier run left in them is removed first."""
    drawn = draw()
    for name, writer in WRITERS.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        writer(folder / name, drawn)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "samples")

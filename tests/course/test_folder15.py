"""The folder that lesson 15 draws: what reading it finds, and what it cannot find."""

import json

import pytest

import tinycnn as tc
from tinycnn.course.folder15 import FRAMES, RARE, TYPO, draw_folder
from tinycnn.data.twins import near_twins


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "photographs"
    return folder, draw_folder(folder, films=6)


def test_every_picture_has_an_annotation(drawn):
    folder, _ = drawn
    pictures, files = ({path.stem for path in folder.glob(f"*.{kind}")} for kind in ("jpg", "json"))
    assert pictures == files and len(pictures) == FRAMES * (3 * 6 + 2)


def test_reading_says_what_is_wrong(drawn):
    folder, _ = drawn
    data = tc.data.read(folder, valid_fraction=0, test_fraction=0)
    assert len(data.train) == FRAMES * (3 * 6 + 2) - 2
    assert any("damaged or cut off" in note for note in data.notes)
    assert any("box lies outside the picture" in note for note in data.notes)
    assert {RARE, TYPO} <= set(data.classes)


def test_frames_of_a_film_are_twins_and_films_are_not(drawn):
    folder, _ = drawn
    by_chance = tc.data.read(folder, seed=1, valid_fraction=0)
    by_films = tc.data.read(folder, seed=1, valid_fraction=0, group_by=r"(film\d+)_")
    found, none = (near_twins(data.parts).found for data in (by_chance, by_films))
    assert len(found) >= len(by_chance.test) // 3 and not none


def test_mistakes_are_named(drawn):
    folder, mistaken = drawn
    assert mistaken and mistaken == sorted(set(mistaken))
    assert all((folder / name).exists() for name in mistaken)


def test_the_same_seed_gives_the_same_folder(drawn, tmp_path):
    folder, mistaken = drawn
    assert draw_folder(tmp_path, films=6) == mistaken
    for path in sorted(folder.iterdir())[:12]:
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_a_wrong_class_is_one_of_the_others(drawn):
    folder, mistaken = drawn
    labels = {}
    for path in folder.glob("*.json"):
        label = json.loads(path.read_text("utf-8"))["shapes"][0]["label"]
        labels.setdefault(path.stem.split("_")[0], {})[path.stem] = label
    mixed = {film for film, frames in labels.items() if len(set(frames.values())) > 1}
    assert mixed and mixed <= {name.split("_")[0] for name in mistaken}

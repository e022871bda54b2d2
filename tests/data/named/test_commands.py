"""tinycnn data list | fetch | show NAME, and training on what was fetched."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.named.server import answers, cut_after
from tinycnn.cli import main

SMALL = ["--image-size", "16", "--channels", "4", "--hidden", "8", "--epochs", "1", "--quiet", "--device", "cpu"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def one_line(capsys, status, *words, code=1):
    """The one line of a failure, which holds these words."""
    said = capsys.readouterr()
    assert status == code and said.err.count("\n") == 1 and said.err.startswith("tinycnn: error: "), said.err
    assert all(word in said.err for word in words), said.err
    return said


def test_terms_are_shown_before_anything_is_fetched(tiny, server, cache, here, capsys):
    named = tiny("pets")
    seen = []
    server.plan["images.tar.gz"] = [lambda handler, content: (seen.append(capsys.readouterr().out),
                                                              answers(404)(handler, content))]  # fmt: skip
    one_line(capsys, main(["data", "fetch", "pets", "--quiet"]), named.page, str(cache / "downloads/pets"))
    assert named.citation in seen[0] and named.terms in seen[0] and named.archives[0].checksum in seen[0]


def test_list_fetch_and_show(tiny, server, cache, here, capsys):
    named = tiny("pets")
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert f"The cache is {cache}" in out and "pets           -" in out and "voc2007" in out
    assert main(["data", "show", "pets"]) == 0
    out = capsys.readouterr().out
    assert named.terms in out and out.endswith(f"It is not in {cache}. Fetch it: tinycnn data fetch pets\n")
    assert not server.asked and not list(here.iterdir()) and not cache.exists()
    assert main(["data", "fetch", "pets", "--quiet"]) == 0
    assert capsys.readouterr().out.endswith(f"Oxford-IIIT Pet is in {cache / 'pets'}\n"
                                            "Train on it: tinycnn train --data pets\n")
    assert main(["data", "fetch", "pets"]) == 0
    assert f"It is in {cache / 'pets'} already" in capsys.readouterr().out
    assert main(["data", "list"]) == 0 and "pets           there" in capsys.readouterr().out
    assert main(["data", "show", "pets"]) == 0
    out = capsys.readouterr().out
    assert named.terms in out and "pets: 3 classes" in out and "contact.png" in out
    assert np.asarray(Image.open("contact.png").convert("L")).std() > 10


def test_people_are_shown_with_their_joints(tiny, here, capsys):
    tiny("lsp-extended")
    assert main(["data", "fetch", "lsp-extended", "--quiet"]) == 0
    assert main(["data", "show", "lsp-extended", "--count", "6"]) == 0
    assert "Some of them, with their joints: contact.png" in capsys.readouterr().out and Path("contact.png").exists()


def test_an_interrupted_one_says_how_to_go_on(tiny, server, cache, here, capsys, monkeypatch):
    tiny("tiny-imagenet")

    def interrupt(_):
        raise KeyboardInterrupt

    server.plan["tiny-imagenet-200.zip"] = [cut_after(1000)]
    monkeypatch.setattr("tinycnn.data.named.download.time.sleep", interrupt)
    assert main(["data", "fetch", "tiny-imagenet", "--quiet"]) == 130
    assert capsys.readouterr().err == ("tinycnn: interrupted; what was fetched is kept, and the same command goes on "
                                       "from there\n")
    assert main(["data", "list"]) == 0 and "begun: 1 kB" in capsys.readouterr().out


def test_names_that_are_not_known_and_not_there(cache, here, capsys):
    one_line(capsys, main(["data", "fetch", "petz"]), "no data set named 'petz'; do you mean pets?")
    for command in (["train", "--data", "pets"], ["evaluate", "--data", "pets"]):
        one_line(capsys, main(command), *(["tinycnn data fetch pets"] if command[0] == "train" else []), code=2)
    one_line(capsys, main(["data", "fetch"]), "NAME", code=2)
    one_line(capsys, main(["data", "show", "pats"]), "no file or folder pats")
    assert not cache.exists() and not list(here.iterdir())


@pytest.mark.slow
def test_training_on_a_named_set_and_what_comes_after(tiny, cache, here, capsys, monkeypatch):
    monkeypatch.setattr("tinycnn.plots.look._written", lambda figure, kind: b"")  # figures are made, and not painted
    tiny("pets")
    assert main(["data", "fetch", "pets", "--quiet"]) == 0
    assert main(["train", "--data", "pets", *SMALL]) == 0
    config = json.loads(Path("runs/pets-1/config.json").read_text("utf-8"))
    assert config["settings"]["data"] == str(cache / "pets")
    assert main(["evaluate", "--data", "pets", "--json"]) == 0 and main(["evaluate"]) == 0
    said = capsys.readouterr()
    assert "pets, 2 test pictures" in said.out and "learned from" not in said.err
    assert main(["train", "--config", "runs/pets-1", "--out", "again", "--quiet"]) == 0
    assert main(["train", "--resume", "--out", "runs/pets-1", "--data", "pets", "--epochs", "2", "--quiet"]) == 0
    assert main(["inspect", "runs/pets-1", "pets", "--out", "look"]) == 0
    capsys.readouterr()
    one_line(capsys, main(["train", "--task", "pose", "--data", "pets"]), "--task localize", code=2)


@pytest.mark.slow
def test_people_are_learned_without_naming_the_task(tiny, here, capsys):
    tiny("lsp-extended")
    assert main(["data", "fetch", "lsp-extended", "--quiet"]) == 0
    call = ["train", "--data", "lsp-extended", "--image-size", "16", "--channels", "4,4,4"]
    assert main([*call, "--epochs", "1", "--quiet", "--device", "cpu"]) == 0
    assert json.loads(Path("runs/lsp-extended-1/config.json").read_text("utf-8"))["settings"]["task"] == "pose"
    capsys.readouterr()
    one_line(capsys, main(["train", "--data", "lsp-extended", "--task", "localize"]), "--task pose", code=2)


def test_a_folder_of_that_name_comes_first(tiny, here, capsys):
    """What somebody calls by its place is what he means."""
    tiny("pets")
    os.makedirs("pets")
    one_line(capsys, main(["data", "show", "pets"]), "pets holds no pictures")

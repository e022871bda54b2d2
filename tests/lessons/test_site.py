"""The site: pages gathered from where they are kept, links that lead somewhere, nothing fetched from elsewhere."""

import pytest

pytest.importorskip("jupytext", reason="the lessons' tools are not installed: pip install -e '.[lessons]'")
pytest.importorskip("nbclient")

from lessons import site  # noqa: E402


def test_links_between_pages_stay_and_others_lead_to_source_pages(tmp_path):
    readme = site.ROOT / "README.md"
    known = {readme, site.ROOT / "datasets" / "README.md"}
    text = ("[data](datasets/README.md#terms) [code](tinycnn/layers/conv.py) [room](tinycnn/engine) "
            "[out](https://x.org/y) [license](LICENSE) ![drawn](datasets/predictions.jpg) [here](#start)")
    assert site._relinked(text, readme, known, tmp_path) == (
        "[data](datasets/README.md#terms) [code](tinycnn/layers/conv.md) [room](lessons/pages/source.md) "
        "[out](https://x.org/y) [license](lessons/pages/source.md) ![drawn](datasets/predictions.jpg) [here](#start)")
    assert (tmp_path / "datasets" / "predictions.jpg").exists()
    with pytest.raises(SystemExit, match="nowhere.md leads nowhere"):
        site._relinked("[lost](nowhere.md)", readme, known, tmp_path)


def test_broken_links_and_what_is_loaded_from_elsewhere_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text('<p id="top"><a href="sub/b.html#there">b</a><a href="#top">up</a>'
                                     '<a href="https://x.org">out</a><a href="mailto:a@b.c">write</a>')
    (tmp_path / "sub" / "b.html").write_text('<p id="there"><a href="../a.html">a</a>')
    assert list(site.broken(tmp_path)) == []
    (tmp_path / "c.html").write_text('<a href="lost.html">x</a><a href="a.html#gone">x</a><img src="no.png">'
                                     '<script src="https://x.org/y.js"></script><link href="//x.org/z.css">')
    assert sorted(sentence.split(maxsplit=1)[1] for sentence in site.broken(tmp_path)) == sorted([
        "lost.html is not there", "a.html#gone has no such place", "no.png is not there",
        "loads https://x.org/y.js", "loads //x.org/z.css"])  # fmt: skip


def test_every_public_name_stands_in_the_reference_once():
    lines = [line for line in site._api().splitlines() if line.startswith(".. auto")]
    assert len(lines) == len(set(lines)) > 60
    for name in ("tinycnn.fit", "tinycnn.layers.Conv2d", "tinycnn.optim.SGD", "tinycnn.data.read",
                 "tinycnn.course.check"):
        assert any(line.endswith(f":: {name}") for line in lines), name

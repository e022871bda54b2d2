"""The second Python that draws half of many scenes."""

from tinycnn.data.scenes import split


def test_nothing_of_the_current_folder_is_run(tmp_path, monkeypatch):
    """A numpy.py that lies beside somebody's pictures is not NumPy."""
    (tmp_path / "numpy.py").write_text("open('RAN', 'w')")
    monkeypatch.chdir(tmp_path)
    helper = split._start_helper("train", 0, 3, 32, 0)
    images, labels, boxes = split._result(helper, 3, 32)
    assert not (tmp_path / "RAN").exists() and images.shape == (3, 32, 32, 3) and len(labels) == len(boxes) == 3

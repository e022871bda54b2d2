import numpy as np
import pytest

from tinycnn.data import read
from tinycnn.data.readers import voc
from tinycnn.errors import DataError

TEXT = (
    "<annotation><object><name>{}</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>11</xmax><ymax>13</ymax></bndbox>"
    "</object></annotation>"
)
HOSTILE = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(("declared", "encoding", "label"), [
    ("gb2312", "gb2312", "猫"), ("GBK", "gbk", "猫"), ("gb2312", "gbk", "朱镕基"),
    ("Shift_JIS", "shift_jis", "ネコ"), ("Shift_JIS", "cp932", "①ネコ"), ("EUC-KR", "euc-kr", "고양이"),
    ("big5", "big5", "貓"), ("windows-1251", "cp1251", "кошка"), ("cp1251", "cp1251", "кошка"),
    ("utf8", "utf-8", "Möhre"), ("utf-8", "utf-8-sig", "Möhre"), ("latin1", "latin-1", "Möhre"),
    (None, "utf-8", "Möhre"), (None, "utf-16", "Möhre"), ("utf-16", "utf-16-le", "Möhre"),
    ("utf-16", "utf-8", "Möhre"), ("gb2312", "utf-8", "小猫"), ("klingon", "utf-8", "Möhre"),
    ("hex", "utf-8", "Möhre"), ("idna", "utf-8", "Möhre"), ("utf-32", "utf-32", "Möhre"),
])
@pytest.mark.parametrize("quote", "'\"")
def test_encodings(tmp_path, photo, declared, encoding, label, quote):
    photo("a.png")
    head = f"<?xml version={quote}1.0{quote} encoding={quote}{declared}{quote} ?>\n" if declared else ""
    (tmp_path / "a.xml").write_bytes((head + TEXT.format(label)).encode(encoding))
    data = read(tmp_path, format="voc", valid_fraction=0, test_fraction=0)
    assert data.classes == (label,) and data.train.boxes.tolist() == [[1, 2, 11, 13]]


@pytest.mark.parametrize(("head", "encoding", "reason"), [
    ("", "gbk", "is not UTF-8 text, and declares no other encoding: save it as UTF-8"),
    ('<?xml version="1.0"?>', "gbk", "is not UTF-8 text, and declares no other encoding: save it as UTF-8"),
    ('<?xml version="1.0" encoding="EUC-KR"?>', "cp1252", "is text neither in EUC-KR, as declared, nor in UTF-8"),
    ('<?xml version="1.0" encoding="klingon"?>', "gbk", "is text neither in klingon, as declared, nor in UTF-8"),
    ('<?xml version="1.0" encoding="utf-8"?>', "cp1252", "is text neither in utf-8, as declared, nor in UTF-8"),
])
def test_an_encoding_that_fails_is_named(tmp_path, head, encoding, reason):
    label = "Möhre" if encoding == "cp1252" else "狗"
    (tmp_path / "a.xml").write_bytes((head + TEXT.format(label)).encode(encoding))
    with pytest.raises(DataError, match=reason):
        voc.parse(tmp_path / "a.xml")


@pytest.mark.parametrize("encoding", ["gb2312", "shift_jis", "utf-7", "utf-16", "cp1251", "utf8"])
def test_a_doctype_is_refused_in_any_encoding(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>{HOSTILE}<annotation><filename>&b;</filename></annotation>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding) if encoding != "utf-7" else text.encode())
    with pytest.raises(DataError, match="DOCTYPE"):
        voc.parse(tmp_path / "a.xml")


def test_anything_cut_off_or_exchanged_is_a_data_error_or_read(tmp_path):
    size = "<filename>a.png</filename><size><width>30</width><height>20</height></size>"
    text = TEXT.format("猫").replace("<object>", size + "<object>")
    whole = ('<?xml version="1.0" encoding="gbk"?>' + text).encode("gbk")
    rng = np.random.default_rng(0)
    for k in range(400):
        data = bytearray(whole[: k * len(whole) // 200] if k < 200 else whole)
        for place in rng.integers(0, len(data), 3 if k >= 200 else 0):
            data[place] = rng.integers(0, 256)
        (tmp_path / "a.xml").write_bytes(data)
        try:
            annotation = voc.parse(tmp_path / "a.xml")
        except DataError as error:
            assert str(error).startswith("it")
        else:
            assert isinstance(annotation.filename, str) and all(len(box) == 4 for _, box in annotation.objects)
        assert voc.find(tmp_path) in ([], [tmp_path / "a.xml"])


def test_xml_of_other_tools_is_not_claimed(tmp_path):
    cvat = '<?xml version="1.0"?>\n<!-- CVAT --><annotations><image/></annotations>'
    (tmp_path / "annotations.xml").write_text(cvat)
    (tmp_path / "dlib.xml").write_text("<?xml version='1.0'?><?xml-stylesheet href='a.xsl'?><dataset></dataset>")
    assert voc.find(tmp_path) == [] and voc.find(tmp_path / "dlib.xml") == []
    (tmp_path / "hostile.xml").write_text("<!-- -->" * 400 + "<?" * 300 + " ")  # not for ever
    assert len(voc.find(tmp_path)) == 3  # it cannot be told what this one is
    (tmp_path / "hostile.xml").unlink()
    (tmp_path / "a.xml").write_text(TEXT.format("cat"))
    assert len(voc.find(tmp_path)) == 3

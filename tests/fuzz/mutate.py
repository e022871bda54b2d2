"""How a right file is spoiled: its bytes, its text, its XML, its JSON. Everything is drawn from a generator."""

import json
import re

NUMBERS = ("nan", "inf", "-inf", "-1", "0", "1e308", "1e309", "-0.0", "1e-320", "99999999999999999999", "0x10", "1_000",
           "1,5", "٣", "1e", "", "true", "2147483648", "-2147483649", "0.5", "1;2")  # fmt: skip
WORDS = ("", "..", "../../outside.png", "/etc/passwd", "C:\\x.png", "\0", "a\nb", "\x1b[2J", "猫", "e\u0301", "\ud7ff",
         "x" * 5000, "$a^{", "<b>", "'; drop", "%s%n", "con", ".", "-rf", "None", "nan")  # fmt: skip
BYTES = (b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\"", b"'", b"<", b"&", b"{",
         b"[", b"]", b",", b"\t", b"\\", b"-", b"9" * 400, b"%", b"\x1a", b"\xc3")  # fmt: skip
BOMB = (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x0 "ha">'
        + b"".join(b'<!ENTITY x%d "%b">' % (i, b"&x%d;" % (i - 1) * 8) for i in range(1, 12))
        + b"]>")  # fmt: skip
ENTITY = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
CODINGS = ("utf-16", "utf-32", "utf-7", "latin-1", "cp1252", "utf-8-sig", "shift_jis", "gb18030", "cp037")


def pick(rng, several):
    return several[int(rng.integers(len(several)))]


def spoiled_bytes(rng, content):
    """One change of the bytes: flipped, cut, taken out, doubled, put in, or exchanged."""
    content, n = bytearray(content), len(content)
    at = int(rng.integers(n + 1))
    length = int(min(n - at, 2 ** rng.integers(0, 10)))
    match int(rng.integers(8)):
        case 0 if n:
            for place in rng.integers(n, size=int(rng.integers(1, 9))):
                content[place] ^= 1 << int(rng.integers(8))
        case 1:
            del content[at:]
        case 2:
            del content[at : at + length]
        case 3:
            content[at:at] = content[at : at + length]
        case 4:
            content[at:at] = pick(rng, BYTES)
        case 5:
            content[at : at + length] = rng.bytes(length)
        case 6:
            content[at : at + length] = bytes(length)
        case _:
            other = int(rng.integers(n + 1))
            content[at : at + length] = content[other : other + length]
    return bytes(content)


def spoiled_text(rng, content):
    """One change of the lines and words of a text, or of its encoding."""
    text = content.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    at, other = (int(rng.integers(len(lines))) for _ in range(2))
    match int(rng.integers(9)):
        case 0:
            numbers = list(re.finditer(r"-?\d+(\.\d+)?", text))
            if numbers:
                found = pick(rng, numbers)
                text = text[: found.start()] + pick(rng, NUMBERS) + text[found.end() :]
        case 1:
            words = list(re.finditer(r"[^\W\d][\w.]*", text))
            if words:
                found = pick(rng, words)
                text = text[: found.start()] + pick(rng, WORDS) + text[found.end() :]
        case 2:
            del lines[at]
            text = "\n".join(lines)
        case 3:
            lines[at:at] = [lines[other]] * int(rng.integers(1, 4))
            text = "\n".join(lines)
        case 4:
            lines[at], lines[other] = lines[other], lines[at]
            text = "\n".join(lines)
        case 5:
            text = text.replace("\n", pick(rng, ("\r\n", "\r", "\n\n", " ", "\u2028")))
        case 6:
            return text.encode(pick(rng, CODINGS), "replace")
        case 7:
            mark = pick(rng, (",", ";", "\t", " ", '"', ".", ":", "/", "="))
            text = text.replace(mark, pick(rng, (",", ";", "\t", "", '"', "  ", mark * 2)))
        case _:
            text = text[: len(text) // 2] * int(rng.integers(0, 4)) + text
    return text.encode("utf-8", "surrogatepass" if "\ud7ff" in text else "surrogateescape")


def spoiled_xml(rng, content):
    """Entities that expand or name files, elements missing, repeated, empty, or nested by the thousand."""
    elements = list(re.finditer(rb"<(\w+)>[^<]*</\1>", content)) + list(re.finditer(rb"<(\w+)[^>]*/>", content))
    found = pick(rng, elements) if elements else None
    match int(rng.integers(7)):
        case 0:
            return BOMB + re.sub(rb"^<\?xml[^>]*>", b"", content).replace(b"</", b"&x11;</", 1)
        case 1:
            return ENTITY + re.sub(rb"^<\?xml[^>]*>", b"", content).replace(b"</", b"&x;</", 1)
        case 2 if found:
            return content[: found.start()] + content[found.end() :]
        case 3 if found:
            return content[: found.end()] + found[0] * int(rng.integers(1, 4)) + content[found.end() :]
        case 4 if found:
            return content[: found.start()] + b"<" + found[1] + b"/>" + content[found.end() :]
        case 5:
            deep = int(10 ** rng.integers(1, 5))
            return content.replace(b"</", b"<a>" * deep + b"</a>" * deep + b"</", 1)
        case _ if found:
            return content[: found.start()] + found[0].replace(found[1], b"other") + content[found.end() :]
    return spoiled_text(rng, content)


def spoiled_json(rng, content):
    """One value exchanged for another kind of value, a key lost or doubled, or nested by the thousand."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return spoiled_text(rng, content)
    if rng.integers(12) == 0:
        deep = int(10 ** rng.integers(1, 6))
        return b'{"a":' * deep + b"[" * deep + content
    places = []  # (what holds it, key)

    def walk(value):
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            places.append((value, key))
            walk(inner)

    walk(whole)
    if not places:
        return spoiled_text(rng, content)
    holder, key = pick(rng, places)
    match int(rng.integers(4)):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.extend([holder[key]] * int(rng.integers(1, 4)))
        case 2 if isinstance(holder, dict):
            holder[pick(rng, WORDS)] = holder.pop(key)
        case _:
            holder[key] = pick(rng, (None, True, [], {}, "", -1, 0, 2**63, -(2**70), 1e308, float("nan"), float("inf"),
                                     "NaN", "12", [[1, 2], [3]], {"a": {"b": [None]}}, ["x"] * 50, *WORDS[1:6]))
    return json.dumps(whole, ensure_ascii=bool(rng.integers(2))).encode("utf-8", "surrogatepass")


def spoiled(rng, name, content):
    """A change that suits the kind of file, or one of its bytes."""
    kinds = {"xml": spoiled_xml, "json": spoiled_json}
    suits = kinds.get(name.rpartition(".")[2].lower(), spoiled_text)
    for _ in range(int(rng.integers(1, 4))):
        content = (spoiled_bytes if rng.integers(3) == 0 else suits)(rng, content)
    return content

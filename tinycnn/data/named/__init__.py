"""Public data sets by name: `tinycnn data fetch pets` brings one into the cache, `tc.data.load("pets")` reads it.

Loading never contacts anybody. What is known of the sets is in catalog.py, the folder in cache.py, one file over HTTP
in download.py, and a whole set in fetch.py.
"""

from pathlib import Path
from typing import Any

from tinycnn.data.dataset import Dataset
from tinycnn.data.named.cache import cache_folder, folder_of, is_there, missing
from tinycnn.data.named.catalog import CATALOG, NamedSet, find
from tinycnn.data.pose_samples import PoseDataset
from tinycnn.errors import DataError
from tinycnn.text import byte_size


def load(name: str, **options: Any) -> Dataset | PoseDataset:
    """Read a named set from the cache, as `read` (or `read_people`, for people) reads its folder.

    name: one of tinycnn.data.named.CATALOG, such as "pets"    options: of `read`, or of `read_people`

    Nothing is fetched: DataError says how, where the set is not there.
    """
    named = find(name)
    folder = expect(named)
    if named.task == "pose":
        from tinycnn.data.people.lsp import read_people

        return read_people(folder, **options)
    from tinycnn.data.readers import read

    return read(folder, **options)


def expect(named: NamedSet) -> Path:
    """The folder of a set, which must be in the cache."""
    folder = folder_of(named)
    if is_there(named):
        return folder
    if folder.exists():
        raise DataError(f"{folder} is not whole: {', '.join(missing(named, folder))} is missing. Move it away, and "
                        f"fetch it again: tinycnn data fetch {named.name}")
    raise DataError(f"{named.title} is not in {cache_folder()}. Fetch it, {byte_size(named.size)}: "
                    f"tinycnn data fetch {named.name}")


def set_in(folder: str | Path) -> NamedSet | None:
    """The set whose place in the cache is this folder, or None."""
    folder = Path(folder)
    return next((named for named in CATALOG.values() if named.name == folder.name and folder_of(named) == folder), None)


def describe(named: NamedSet) -> str:
    """What a set is, where it is from, how it is checked, whose it is and on what terms: a few lines of text."""
    lines = [f"{named.name}: {named.title}", f"  holds     {named.holds}"]
    if named.remark:
        lines.append(f"  here      {named.remark}")
    for archive in named.archives:
        size = f"{archive.size:,} bytes" if archive.size else f"about {byte_size(archive.about)}"
        lines.append(f"  file      {archive.name}, {size}, {archive.checksum or 'no checksum known'}")
        lines += [f"            {address}" for address in archive.addresses]
    lines += [f"  checksum  {named.checksums}", f"  page      {named.page}", f"  cite      {named.citation}",
              f"  terms     {named.terms}", f"  disk      {byte_size(named.size)} to fetch, then about "
              f"{byte_size(named.unpacked)}"]
    return "\n".join(lines)

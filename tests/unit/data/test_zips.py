"""What a zip may not do, one by one, and what extraction must leave behind."""

import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen2embed.download.zips import extract, is_done, mark_done, open_zip, read_members
from gen2embed.errors import InputError

GOOD = {"images/A/1.png": b"one", "images/A/2.png": b"two"}


def write(path, members):
    """members: name or ZipInfo -> bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def members(path, *arguments):
    with open_zip(path, "the zip") as archive:
        return read_members(archive, "the zip", *arguments)


def unzip(path, out, *arguments):
    counted = []
    with open_zip(path, "the zip") as archive:
        found = read_members(archive, "the zip", *arguments)
        extract(archive, found, out, "the zip", counted.append)
    return counted


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_come_out_without_the_leading_folder(tmp_path):
    path = write(tmp_path / "a.zip", GOOD | {"./B/3.png": b"three", "empty/": b""})
    assert unzip(path, tmp_path / "out", ("images/", "val2017/")) == [3, 3, 5]
    assert tree(tmp_path / "out") == {"A/1.png": b"one", "A/2.png": b"two", "B/3.png": b"three"}


NAMES = st.text(st.sampled_from("ab 0.-_é漢Ω'&%"), min_size=1, max_size=120).filter(
    lambda name: name.strip(". ") == name and not name.startswith("._")
)


@settings(deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=4), st.integers(200, 251))
def test_names_of_any_length_that_a_disk_takes_come_out(tmp_path_factory, names, length):
    """Captions and addresses make names up to the limit of a file system, 255 bytes."""
    folder = tmp_path_factory.mktemp("names")
    long = {f"{'x' * (length - len(name.encode()))}{name}" for name in names if len(name) < 60}
    files = {f"Set/{name}.png": name.encode() for name in {*long, "x" * 251}}
    path = write(folder / "a.zip", {f"images/{name}": files[name] for name in files})
    unzip(path, folder / "out", ("images/",))
    assert tree(folder / "out") == files


def test_forks_and_foreign_sets_are_left_out(tmp_path):
    forks = {"__MACOSX/A/._1.png": b"", "images/A/._1.png": b"", "images/A/.DS_Store": b""}
    path = write(tmp_path / "a.zip", GOOD | forks | {"images/CIFAR-100/1.png": b""})
    places = [one.place for one in members(path, ("images/",), ("CIFAR-100",))]
    assert places == ["A/1.png", "A/2.png"]


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "A/../../x", "A\\..\\..\\x", "C:\\x", "C:x", "\\\\host\\x", ".."]
)
def test_paths_that_lead_out_are_refused(tmp_path, name):
    path = write(tmp_path / "a.zip", GOOD | {zipfile.ZipInfo(name): b"x"})
    with pytest.raises(InputError, match=r"the zip: member .* leads out of its folder; refused"):
        members(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_files_are_refused(tmp_path, kind):
    info = zipfile.ZipInfo("A/link")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(InputError, match="member 'A/link' is a link or special file; refused"):
        members(write(tmp_path / "a.zip", {info: b"/etc/passwd"}))


def test_encrypted_members_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", GOOD)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")  # the first entry of the central directory
    content[place + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"'images/A/1.png' is encrypted"):
        members(path)


def test_two_members_of_one_name_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", {"images/A/1.png": b"one", "A/1.png": b"other"})
    with pytest.raises(InputError, match=r"holds A/1.png twice"):
        members(path, ("images/",))


def test_bombs_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("A/1.png", "w") as file,
    ):
        for _ in range(101):
            file.write(bytes(1_000_000))
    with pytest.raises(InputError, match=r"would grow from \d+ to 101000000 bytes; refused"):
        members(path)


def test_a_spoilt_member_is_one_line_and_no_file(tmp_path):
    path = write(tmp_path / "a.zip", GOOD)
    path.write_bytes(path.read_bytes().replace(b"two", b"tw0"))
    with pytest.raises(InputError, match=r"the zip: member images/A/2.png is spoilt"):
        unzip(path, tmp_path / "out")
    assert tree(tmp_path / "out") == {"images/A/1.png": b"one"}
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="is not a readable zip"):
        members(path)


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path):
    path = write(tmp_path / "a.zip", {"A": b"file", "A/1.png": b"one"})
    with pytest.raises(InputError, match=r"A/1.png: cannot be written"):
        unzip(path, tmp_path / "out")


def test_what_is_there_is_not_written_again(tmp_path):
    path = write(tmp_path / "a.zip", GOOD)
    unzip(path, tmp_path / "out")
    first, second = (tmp_path / "out/images/A" / name for name in ("1.png", "2.png"))
    first.write_bytes(b"ONE")  # its size is right: taken as written
    second.write_bytes(b"tw")  # as a killed copy would leave it
    assert unzip(path, tmp_path / "out") == [3, 3]
    assert (first.read_bytes(), second.read_bytes()) == (b"ONE", b"two")


def test_the_marker_holds_for_one_digest(tmp_path):
    marker = tmp_path / "archives" / "a.zip.json"
    assert not is_done(marker, "abc")
    mark_done(marker, "abc", members(write(tmp_path / "a.zip", GOOD)))
    assert is_done(marker, "abc") and not is_done(marker, "abd")
    assert '"bytes": 6' in marker.read_text() and '"files": 2' in marker.read_text()

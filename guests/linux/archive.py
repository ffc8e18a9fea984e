"""The two archives that a guest is made from and of: Debian packages are read, cpio is written."""

import io
import pathlib
import stat
import tarfile

AR_MAGIC = b"!<arch>\n"


def ar_members(data: bytes) -> dict[str, bytes]:
    """The members of an ar archive, which a Debian package is (deb(5))."""
    if data[:8] != AR_MAGIC:
        raise ValueError("not a Debian package")
    members = {}
    at = 8
    while at + 60 <= len(data):
        name, size = data[at:at + 16].decode().strip().rstrip("/"), int(data[at + 48:at + 58])
        members[name] = data[at + 60:at + 60 + size]
        at += 60 + size + size % 2
    return members


class Package:
    """Files of a Debian package, by path without a leading slash."""

    def __init__(self, path: pathlib.Path):
        members = ar_members(path.read_bytes())
        name = next(name for name in members if name.startswith("data.tar"))
        self.name = path.name
        self.tar = tarfile.open(fileobj=io.BytesIO(members[name]))
        self.members = {member.name.removeprefix("./"): member for member in self.tar.getmembers()}

    def find(self, name: str) -> str:
        """The path of the only file of this name."""
        found = [path for path in self.members if path.rpartition("/")[2] == name]
        if len(found) != 1:
            raise ValueError(f"{self.name}: {len(found)} files are called {name}, expected one")
        return found[0]

    def read(self, path: str) -> bytes:
        """A file's content; a symbolic link to a file beside it is followed."""
        member = self.members[path]
        if member.issym():
            member = self.members[str(pathlib.PurePosixPath(path).parent / member.linkname)]
        file = self.tar.extractfile(member)
        if not file:
            raise ValueError(f"{self.name}: {path} is no file")
        return file.read()


class Cpio:
    """An archive in the format that Linux unpacks as its first file system ("newc"; Linux,
    Documentation/driver-api/early-userspace/buffer-format.rst). The same content gives the same
    bytes: everything is root's and of 1970."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.number = 0
        self.folders: set[str] = set()

    def _add(self, path: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        name = path.encode() + b"\0"
        self.number += 1
        fields = (self.number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self.data += bytes(-len(self.data) % 4) + content
        self.data += bytes(-len(self.data) % 4)

    def folder(self, path: str) -> None:
        """A folder and those that it is in."""
        if path in ("", ".") or path in self.folders:
            return
        self.folder(str(pathlib.PurePosixPath(path).parent))
        self.folders.add(path)
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def _parent(self, path: str) -> None:
        self.folder(str(pathlib.PurePosixPath(path).parent))

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._parent(path)
        self._add(path, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        self._parent(path)
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int) -> None:
        self._parent(path)
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def end(self) -> bytes:
        """The whole archive. Archives in a row, each to a multiple of four bytes, are one."""
        self._add("TRAILER!!!", 0, b"")
        return bytes(self.data)

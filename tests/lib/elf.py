"""Writes small ELF64 files: good ones, and ones with one thing wrong."""

import struct
from dataclasses import dataclass

PT_LOAD = 1
R, W, X = 4, 2, 1
PAGE = 4096


@dataclass
class Segment:
    """A program header. Sizes left at None follow from the content."""

    address: int
    flags: int
    content: bytes = b""
    memory_size: int | None = None
    file_size: int | None = None
    offset: int | None = None
    align: int = PAGE
    kind: int = PT_LOAD


def build(segments: list[Segment], entry: int, *, machine: int = 62, elf_class: int = 2,
          data: int = 1, kind: int = 2, header_count: int | None = None,
          header_size: int = 56, header_offset: int = 64) -> bytes:
    """An ELF file with these segments (generic ABI, chapters 4 and 5); the rest can be forged."""
    count = len(segments) if header_count is None else header_count
    image = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", elf_class, data, 1, 0, kind, machine,
                        1, entry, header_offset, 0, 0, 64, header_size, count, 64, 0, 0)
    headers = b""
    body = b""
    start = PAGE  # the contents follow the first page, which holds the headers
    for segment in segments:
        offset = start + len(body)
        file_size = len(segment.content) if segment.file_size is None else segment.file_size
        memory_size = file_size if segment.memory_size is None else segment.memory_size
        headers += struct.pack("<IIQQQQQQ", segment.kind, segment.flags,
                               offset if segment.offset is None else segment.offset,
                               segment.address, segment.address, file_size, memory_size,
                               segment.align)
        body += segment.content + bytes(-len(segment.content) % PAGE)
    return (image + headers).ljust(start, b"\0") + body

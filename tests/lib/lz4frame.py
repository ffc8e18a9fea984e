"""Writes lz4 frames (LZ4 Frame Format 1.6.x) field by field, so that each can be wrong.

The blocks are stored uncompressed unless a raw block is given. The xxHash below is the 32-bit one
of the xxHash specification; the tests compare it with what the lz4 command writes.
"""

import struct
import subprocess
import tempfile

P1, P2, P3, P4, P5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
MASK = 0xFFFFFFFF
MAGIC = 0x184D2204
BLOCK_64K = 4


def rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & MASK


def xxh32(data: bytes) -> int:
    """XXH32 with seed 0."""
    position = 0
    if len(data) >= 16:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while position + 16 <= len(data):
            words = struct.unpack_from("<4I", data, position)
            lanes = [rotate((lane + word * P2) & MASK, 13) * P1 & MASK
                     for lane, word in zip(lanes, words)]
            position += 16
        value = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
    else:
        value = P5
    value = (value + len(data)) & MASK
    while position + 4 <= len(data):
        word, = struct.unpack_from("<I", data, position)
        value = rotate((value + word * P3) & MASK, 17) * P4 & MASK
        position += 4
    for byte in data[position:]:
        value = rotate((value + byte * P5) & MASK, 11) * P1 & MASK
    value = (value ^ (value >> 15)) * P2 & MASK
    value = (value ^ (value >> 13)) * P3 & MASK
    return value ^ (value >> 16)


def header(size: int | None, checksum: bool, version: int = 1) -> bytes:
    """The frame header, with its own check byte; size None leaves the content size out."""
    flags = version << 6 | 1 << 5 | (size is not None) << 3 | checksum << 2
    fields = bytes([flags, BLOCK_64K << 4])
    if size is not None:
        fields += struct.pack("<Q", size)
    return struct.pack("<I", MAGIC) + fields + bytes([xxh32(fields) >> 8 & 0xFF])


def stored_blocks(data: bytes) -> bytes:
    blocks = b""
    for start in range(0, len(data), 65536):
        block = data[start:start + 65536]
        blocks += struct.pack("<I", len(block) | 1 << 31) + block
    return blocks


def compressed_block(raw: bytes) -> bytes:
    """A block that says it is compressed, whatever is in it."""
    return struct.pack("<I", len(raw)) + raw


def frame(data: bytes, *, size: bool = True, checksum: bool = True,
          wrong_checksum: bool = False, claimed_size: int | None = None,
          blocks: bytes | None = None) -> bytes:
    """A frame of `data`; every deviation is named by its argument."""
    claimed = len(data) if claimed_size is None else claimed_size
    result = header(claimed if size else None, checksum)
    result += stored_blocks(data) if blocks is None else blocks
    result += struct.pack("<I", 0)
    if checksum:
        result += struct.pack("<I", xxh32(data) ^ wrong_checksum)
    return result


def command_output(data: bytes, *options: str) -> bytes:
    """What the lz4 command makes of the data (of a file: it tells the size only of those)."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(["lz4", "-9", "-c", *options, file.name], capture_output=True,
                              check=True).stdout

"""Takes the uncompressed kernel, an ELF file, out of a bzImage."""

import struct
import subprocess

LZ4_LEGACY = b"\x02\x21\x4c\x18"


def payload(image: bytes) -> bytes:
    """The compressed kernel (Linux, Documentation/x86/boot.rst: payload_offset, payload_length)."""
    if image[0x202:0x206] != b"HdrS" or struct.unpack_from("<H", image, 0x206)[0] < 0x208:
        raise ValueError("not a bzImage of boot protocol 2.08 or later")
    sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    if start + length > len(image):
        raise ValueError("the compressed kernel ends behind the file")
    return image[start:start + length]


def extract(image: bytes) -> bytes:
    """The kernel. Debian packs it with lz4; its size stands behind the compressed data."""
    packed = payload(image)
    if packed[:4] != LZ4_LEGACY:
        raise ValueError(f"the kernel is packed in a way not known here: {packed[:4].hex()}")
    done = subprocess.run(["lz4", "-d", "-c", "-q"], input=packed[:-4], stdout=subprocess.PIPE,
                          check=True)
    size, = struct.unpack("<I", packed[-4:])
    if len(done.stdout) != size or done.stdout[:4] != b"\x7fELF":
        raise ValueError("what was unpacked is not the kernel")
    return done.stdout

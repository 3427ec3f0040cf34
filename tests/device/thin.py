"""Makes a CUDA library small to carry: a copy with code for one GPU architecture only, the rest zeroed.

    thin.py LIBRARY COPY [--arch 90]

The section .nv_fatbin is a row of containers, one for each compiled file, and each holds its code once for
every architecture. Containers stay where they are; each is made one with code for the wanted architecture
alone, as if it had been compiled for no other, and what is left of its place becomes zeros, which compress to
nothing. Containers without code for the oldest architecture go altogether: the library works on that, so what
it has for newer ones alone are extras (attention and expert layers of language models) that no convolutional
net calls. In their place stands a small piece of code for the oldest architecture, so that the driver finds
none for the GPU, as it does on an old one.
"""

from __future__ import annotations

import argparse
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0xBA55ED50
CONTAINER = struct.Struct("<IHHQ")
"""Magic, version, the header's size, the entries' size."""
ENTRY = struct.Struct("<HHIQ")
"""Kind, version, the header's size, the code's size."""
ARCH_AT = 28
PTX, ELF = 1, 2


class ThinError(Exception):
    """The file is not built as it was thought to be."""


@dataclass(frozen=True)
class Entry:
    """Code of one compiled file for one architecture: where its header and where its bytes are."""

    kind: int
    arch: int
    header: int
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def section(library: bytes, name: bytes) -> tuple[int, int]:
    """Where a section of a 64-bit little-endian ELF file starts and ends."""
    if library[:6] != b"\x7fELF\x02\x01":
        raise ThinError("not a 64-bit ELF library")
    (table,) = struct.unpack_from("<Q", library, 0x28)
    size, count, names = struct.unpack_from("<HHH", library, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", library, table + size * i) for i in range(count)]
    for place, _, _, _, start, length in headers:
        at = headers[names][4] + place
        if library[at : library.index(b"\0", at)] == name:
            return start, start + length
    raise ThinError(f"no section {name.decode()}")


def containers(library: bytes, start: int, end: int) -> Iterator[list[Entry]]:
    """The entries of each container; an error unless they fill the section exactly."""
    while start < end:
        magic, version, header, size = CONTAINER.unpack_from(library, start)
        if (magic, version) != (MAGIC, 1):
            raise ThinError(f"no container at {start:#x}")
        if header != CONTAINER.size:
            raise ThinError(f"a header of {header} bytes at {start:#x}")
        at, start = start + header, start + header + size
        entries = []
        while at < start:
            kind, _, header, size = ENTRY.unpack_from(library, at)
            (arch,) = struct.unpack_from("<I", library, at + ARCH_AT)
            if kind not in (PTX, ELF):
                raise ThinError(f"code of unknown kind {kind} at {at:#x}")
            entries.append(Entry(kind, arch, at, at + header, at + header + size))
            at = entries[-1].end
        if at != start:
            raise ThinError(f"entries end at {at:#x}, their container at {start:#x}")
        yield entries
    if start != end:
        raise ThinError(f"containers end at {start:#x}, the section at {end:#x}")


def wanted(entries: list[Entry], arch: int, oldest: int) -> list[Entry]:
    """What of a container the GPU needs."""
    if not any(e.arch == oldest for e in entries):
        return []
    # Machine code runs on its own generation only; what has none for the GPU is compiled from PTX.
    return [e for e in entries if (e.kind, e.arch) == (ELF, arch)] or [
        e for e in entries if e.kind == PTX or e.arch // 10 == arch // 10 and e.arch < arch
    ]


def thin(library: bytes, arch: int) -> bytearray:
    """A copy of the library with the code for one architecture; prints what became of it."""
    found = list(containers(library, *section(library, b".nv_fatbin")))
    everything = [entry for entries in found for entry in entries]
    oldest = min(entry.arch for entry in everything)
    foreign = min((entry for entry in everything if entry.arch == oldest), key=lambda entry: entry.size)
    if oldest // 10 == arch // 10:
        raise ThinError(f"its oldest code, for {oldest}, would run on {arch}")
    copy, bytes_of, count_of = bytearray(library), Counter(), Counter()
    for entries in found:
        kept = wanted(entries, arch, oldest)
        if not kept and any(entry.arch == oldest for entry in entries):
            raise ThinError(f"nothing at {entries[0].header:#x} runs on {arch}")
        for entry in entries:
            fate = "kept" if entry in kept else "extra" if entry.arch == arch else "other"
            bytes_of[fate] += entry.size
            count_of[fate] += 1
        body = b"".join(library[entry.header : entry.end] for entry in kept or [foreign])
        start, end = entries[0].header, entries[-1].end
        if len(body) > end - start:
            raise ThinError(f"no place for {len(body)} bytes at {start:#x}")
        copy[start:end] = body.ljust(end - start, b"\0")
        # The entries' size is the last field of the container's header.
        struct.pack_into("<Q", copy, start - 8, len(body))
    for fate in ("kept", "extra", "other"):
        print(f"  {fate:6} {count_of[fate]:5} pieces of code, {bytes_of[fate] / 2**20:6.1f} MiB")
    return copy


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Copies a CUDA library with code for one architecture.")
    parser.add_argument("library", type=Path)
    parser.add_argument("copy", type=Path)
    parser.add_argument("--arch", type=int, default=90)
    options = parser.parse_args()
    options.copy.write_bytes(thin(options.library.read_bytes(), options.arch))


if __name__ == "__main__":
    main()

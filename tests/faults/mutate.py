"""Damages real files, the same way for the same seed."""

import gzip
import io
import zipfile

MAGIC = [
    *(value.to_bytes(size, order) for value in (0, 1, 0x7F, 0xFF) for size in (1, 4) for order in ("big", "little")),
    *(bytes([255] * size) for size in (2, 4, 8)),
    *(b"\x7f" + bytes([255] * size) for size in (3, 7)),
    *(bytes([255] * size) + b"\x7f" for size in (3, 7)),
    *(b"NaN", b"-1", b"1e999", b"null", b"[" * 2000, b'{"a":', b'"', b"\\u0000", b"..", b"/../", b"\n", b"\xff\xfe"),
]
"""Numbers and words at which readers stumble."""


def mutate(content, random):
    """Damaged bytes: the content itself, or in half of the cases what a gzip or zip holds, packed again.

    Args:
      content: bytes of a whole file.
      random: `random.Random`.
    """
    if random.random() < 0.5:
        try:
            if content[:2] == b"\x1f\x8b":
                return gzip.compress(_mutate_plain(gzip.decompress(content), random), 1)
            if content[:4] == b"PK\x03\x04":
                return _mutate_member(content, random)
        except (OSError, EOFError, zipfile.BadZipFile):
            pass
    return _mutate_plain(content, random)


def _mutate_member(content, random):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = random.choice(sorted(members))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, _mutate_plain(member, random) if name == chosen else member)
    return packed.getvalue()


def _mutate_plain(content, random):
    damaged = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        random.choice(DAMAGES)(damaged, random)
    return bytes(damaged)


def _place(damaged, random):
    """Any place, but in half of the cases one in the first 400 bytes, where headers are."""
    return random.randrange(min(len(damaged), 400 if random.random() < 0.5 else len(damaged)) + 1)


def _flip_bits(damaged, random):
    for _ in range(random.choice((1, 1, 8)) if damaged else 0):
        damaged[min(_place(damaged, random), len(damaged) - 1)] ^= 1 << random.randrange(8)


def _overwrite(damaged, random):
    word, place = random.choice(MAGIC), _place(damaged, random)
    damaged[place : place + len(word)] = word


def _insert(damaged, random):
    place = _place(damaged, random)
    damaged[place:place] = random.choice((random.choice(MAGIC), random.randbytes(random.randrange(1, 50))))


def _delete(damaged, random):
    place = _place(damaged, random)
    del damaged[place : place + random.choice((1, 2, 4, 100, 5000))]


def _double(damaged, random):
    place, size = _place(damaged, random), random.choice((1, 4, 100, 5000))
    damaged[place:place] = damaged[place : place + size]


def _cut(damaged, random):
    del damaged[_place(damaged, random) :]


def _append(damaged, random):
    damaged += random.randbytes(random.choice((1, 512, 5000)))


DAMAGES = (_flip_bits, _flip_bits, _overwrite, _overwrite, _insert, _delete, _double, _cut, _append)

# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the headers of H.264 slices tell: where a slice begins, which picture it belongs to.

The numbers of reference pictures have no gaps, so one tells how many are missing; ITU-T H.264, 7.3.
"""

from collections.abc import Callable
from dataclasses import dataclass

from siammcvae_core.detection.bit_reader import BitReader, escape, unescape, write_bits
from siammcvae_core.detection.nal_units import unit_type

_SEQUENCE, _PICTURE, _KEY_SLICE = 7, 8, 5
_SLICES = (1, 5)  # whole ones; data partitions are not decoded by anybody
_WITH_CHROMA = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)  # profiles
_HEADER = 64  # bytes read of a slice, more than its first numbers take


@dataclass(frozen=True)
class Sequence:
    """What a sequence parameter set says of slice headers."""

    number_bits: int
    """Bits of frame_num."""
    order_bits: int
    """Bits of pic_order_cnt_lsb, 0 where there is none."""
    gaps: bool
    """Whether frame_num may have gaps though nothing is missing."""
    fields: bool
    """Whether pictures may be fields, half of the rows each."""
    planes: bool
    """Whether the planes of colour are coded apart."""


@dataclass(frozen=True)
class SliceHeader:
    """The first numbers of a slice, and at which bits of its payload two of them stand.

    first: its first macroblock. number: frame_num. order: pic_order_cnt_lsb. key: it belongs to an
    IDR picture. reference: others are predicted from it.
    """

    sequence: Sequence
    first: int
    number: int
    order: int
    key: bool
    reference: bool
    number_at: int
    order_at: int

    def missing_after(self, number: int) -> int:
        """Count the reference pictures missing between that of a frame_num and this picture."""
        return max((self.number - number) % (1 << self.sequence.number_bits) - 1, 0)


class ParameterSets:
    """Reads slice headers by the parameter sets that came before them."""

    def __init__(self) -> None:
        self._sequences: dict[int, Sequence] = {}
        self._pictures: dict[int, int] = {}  # the sequence of each picture parameter set

    def learn(self, unit: bytes) -> None:
        """Remember a parameter set; one that is damaged, or any other unit, is left out."""
        known: dict[int, Callable[[BitReader], None]] = {
            _SEQUENCE: self._learn_sequence,
            _PICTURE: self._learn_picture,
        }
        take = known.get(unit_type(unit, 'h264'))
        if take is not None:
            try:
                take(BitReader(unescape(unit[1:])))
            except EOFError:
                return

    def read(self, unit: bytes) -> SliceHeader | None:
        """Read a slice; None for other units and for slices whose parameter sets never came."""
        kind = unit_type(unit, 'h264')
        if kind not in _SLICES:
            return None
        reader = BitReader(unescape(unit[1:_HEADER]))
        try:
            first, _, picture = reader.unsigned(), reader.unsigned(), reader.unsigned()
            sequence = self._sequences.get(self._pictures.get(picture, -1))
            if sequence is None:
                return None
            if sequence.planes:
                reader.bits(2)
            number_at = reader.position
            number = reader.bits(sequence.number_bits)
            if sequence.fields and reader.bits(1):
                reader.bits(1)
            if kind == _KEY_SLICE:
                reader.unsigned()
            order_at = reader.position
            order = reader.bits(sequence.order_bits)
        except EOFError:
            return None
        reference = unit[0] & 96 > 0
        key = kind == _KEY_SLICE
        return SliceHeader(sequence, first, number, order, key, reference, number_at, order_at)

    def _learn_sequence(self, reader: BitReader) -> None:
        profile = reader.bits(24) >> 16
        identity, planes = reader.unsigned(), False
        if profile in _WITH_CHROMA:
            planes = _skip_chroma(reader)
        number_bits = reader.unsigned() + 4
        order, order_bits = reader.unsigned(), 0
        if order == 0:
            order_bits = reader.unsigned() + 4
        elif order == 1:
            reader.bits(1)
            reader.signed()
            reader.signed()
            for _ in range(reader.unsigned()):
                reader.signed()
        reader.unsigned()  # reference frames
        gaps = bool(reader.bits(1))
        reader.unsigned()  # width
        reader.unsigned()  # height
        fields = not reader.bits(1)
        if number_bits <= 16 and order_bits <= 16:
            self._sequences[identity] = Sequence(number_bits, order_bits, gaps, fields, planes)

    def _learn_picture(self, reader: BitReader) -> None:
        identity = reader.unsigned()
        self._pictures[identity] = reader.unsigned()


def renumbered(unit: bytes, header: SliceHeader, number: int, order: int) -> bytes:
    """Return a slice as that of another picture: its frame_num and pic_order_cnt_lsb changed."""
    payload = unescape(unit[1:])
    for at, bits, value in (
        (header.number_at, header.sequence.number_bits, number),
        (header.order_at, header.sequence.order_bits, order),
    ):
        payload = write_bits(payload, at, bits, value % (1 << bits))
    return unit[:1] + escape(payload)


def _skip_chroma(reader: BitReader) -> bool:
    """Skip what high profiles add; tells whether colour planes are coded apart."""
    layout = reader.unsigned()
    planes = layout == 3 and bool(reader.bits(1))
    reader.unsigned()  # bits of luma
    reader.unsigned()  # bits of chroma
    reader.bits(1)
    if reader.bits(1):  # scaling matrices
        for size in (*[16] * 6, *[64] * (2 if layout != 3 else 6)):
            if reader.bits(1):
                _skip_scaling(reader, size)
    return planes


def _skip_scaling(reader: BitReader, size: int) -> None:
    last = scale = 8
    for _ in range(size):
        if scale:
            scale = (last + reader.signed()) % 256
        last = scale or last

# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A clip sent over a lossy network: encoded, cut into RTP packets, relayed, decoded with masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
import socket

import av
import cv2
import numpy as np

from siammcvae_core.detection.codec import CodecDecoder, DecodedFrame
from siammcvae_core.detection.coded_picture import CodedPicture
from siammcvae_core.detection.rtp import PacketOrder, parse_packet
from siammcvae_core.detection.rtp_pictures import PictureAssembler, PicturePackets
from siammcvae_core.detection.second_decoder import CELL
from siammcvae_core.faults.packet_loss import LossyRelay, PacketLoss

WRONG = 8  # grey levels
KEY_EVERY = 30  # frames
LARGEST_DATAGRAM = 65536  # bytes
_ENCODERS = {'h264': 'libx264', 'hevc': 'libx265'}


@dataclass(frozen=True)
class StreamSetting:
    """How a clip is encoded, and what the network loses: a share of packets, in bursts."""

    codec: str
    bits: float
    """Bits per second."""
    slices: int
    bframes: int
    loss: float
    burst: float


@dataclass
class CodecCounts:
    """Counts of cells by what is wrong with them, and of flagged ones among these.

    Columns: off by more than WRONG on average, in the channel that differs most; off by more than
    WRONG anywhere; off at all; all cells. Rows: all, flagged.
    """

    cells: np.ndarray = field(default_factory=lambda: np.zeros((2, 4), np.int64))
    frames: int = 0

    def __add__(self, other: 'CodecCounts') -> 'CodecCounts':
        return CodecCounts(self.cells + other.cells, self.frames + other.frames)

    def recall(self) -> np.ndarray:
        """Return the share of cells that is flagged, float (4,); nan where there are none."""
        cells, flagged = self.cells
        return np.where(cells > 0, flagged / np.maximum(cells, 1), np.nan)

    def precision(self) -> np.ndarray:
        """Return the share of each kind among the flagged cells, float (4,); nan if none is."""
        flagged = self.cells[1]
        return np.where(flagged[3] > 0, flagged / max(flagged[3], 1), np.nan)


def encode_clip(frames: Sequence[np.ndarray], setting: StreamSetting) -> list[CodedPicture]:
    """Encode frames, uint8 (H, W, 3) BGR, at 30 Hz, in decoding order."""
    name = _ENCODERS[setting.codec]
    encoder = av.CodecContext.create(name, 'w')
    encoder.height, encoder.width = (side - side % 2 for side in frames[0].shape[:2])
    encoder.pix_fmt, encoder.thread_count = 'yuv420p', 1
    encoder.time_base, encoder.framerate = Fraction(1, 30), Fraction(30)
    encoder.bit_rate = round(setting.bits)
    shared = f'keyint={KEY_EVERY}:scenecut=0:bframes={setting.bframes}'
    if setting.codec == 'h264':
        shared += f':slices={setting.slices}:sliced-threads=0'
    else:  # x265 refuses several slices at this size
        shared += ':log-level=none:pools=none:frame-threads=1'
    preset = 'veryfast' if setting.codec == 'h264' else 'ultrafast'
    encoder.options = {'preset': preset, f'{name[3:]}-params': shared}
    pictures = []
    for index, frame in enumerate([*frames, None]):
        sent = None
        if frame is not None:
            even = np.ascontiguousarray(frame[: encoder.height, : encoder.width])
            sent = av.VideoFrame.from_ndarray(even, 'bgr24').reformat(format='yuv420p')
            sent.pts = index
        for packet in encoder.encode(sent):
            assert packet.pts is not None
            pictures.append(CodedPicture(bytes(packet), packet.pts * 10**9 // 30))
    return pictures


def transmit(
    pictures: Sequence[CodedPicture], codec: str, loss: PacketLoss, reorder: float = 0.0
) -> Iterator[CodedPicture]:
    """Send pictures by RTP over UDP on loopback through a lossy relay; yields what comes out.

    The first picture, with the parameters of the stream, always comes. reorder: share of packets
    that are overtaken by three others.
    """
    order, assembler, sender = PacketOrder(), PictureAssembler(codec), PicturePackets(codec)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(('127.0.0.1', 0))
        receiver.setblocking(False)
        relays = [
            LossyRelay(receiver.getsockname(), chosen, share)
            for chosen, share in ((PacketLoss(0), 0.0), (loss, reorder))
        ]
        for number, picture in enumerate([*pictures, None]):
            if picture is None:
                relays[1].close()
            else:
                assert picture.stamp is not None
                for packet in sender.packets(picture.data, picture.stamp):
                    relays[min(number, 1)].send(packet.to_bytes())
            for datagram in _waiting(receiver):
                packet_in = parse_packet(datagram)
                if packet_in is not None:
                    for ready, lost in order.push(packet_in):
                        yield from assembler.push(ready, lost)
        relays[0].close()
    for ready, lost in order.flush():
        yield from assembler.push(ready, lost)
    yield from assembler.flush()


def decode_all(codec: str, pictures: Iterator[CodedPicture]) -> dict[int, DecodedFrame]:
    """Decode a stream to its end; frames by the number of their time, at 30 Hz."""
    decoder = CodecDecoder(codec)
    frames = [frame for picture in pictures for frame in decoder.decode(picture)]
    first = None
    numbered = {}
    for frame in frames + decoder.flush():
        first = frame.stamp if first is None else first
        numbered[round((frame.stamp - first) * 30 / 10**9)] = frame
    return numbered


def count_stream(
    pictures: Sequence[CodedPicture],
    truth: dict[int, DecodedFrame],
    setting: StreamSetting,
    seed: int,
) -> CodecCounts:
    """Lose packets of an encoded clip and compare its masks with the lossless decode of it."""
    loss = PacketLoss(setting.loss, setting.burst, seed)
    lossy = decode_all(setting.codec, transmit(pictures, setting.codec, loss))
    counts = CodecCounts()
    for number, frame in lossy.items():
        if number not in truth:
            continue
        counts += CodecCounts(count_cells(truth[number].image, frame.image, frame.mask), 1)
    return counts


def count_cells(truth: np.ndarray, shown: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Count the cells of a frame, uint8 (H, W, 3), and those of its mask: (2, 4) of CodecCounts."""
    difference = cv2.absdiff(truth, shown)
    height, width = difference.shape[:2]
    below, beyond = -height % CELL, -width % CELL
    padded = np.pad(difference, ((0, below), (0, beyond), (0, 0)), mode='edge')
    cells = padded.reshape(-1, CELL, (width + beyond) // CELL, CELL, 3)
    largest = cells.max(axis=(1, 3, 4))
    mean = cells.mean(axis=(1, 3)).max(axis=2)
    kinds = np.stack([mean > WRONG, largest > WRONG, largest > 0, np.ones(mean.shape, bool)])
    return np.stack([kinds.sum(axis=(1, 2)), (kinds & mask).sum(axis=(1, 2))])


def _waiting(receiver: socket.socket) -> Iterator[bytes]:
    """Read the datagrams that have come; on loopback that is every one sent so far."""
    while True:
        try:
            yield receiver.recv(LARGEST_DATAGRAM)
        except BlockingIOError:
            return

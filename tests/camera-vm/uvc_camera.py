#!/usr/bin/env python3
"""uvc_camera.py MJPEG_FILE: a USB webcam made of software.

It plugs a USB Video Class 1.0 camera into the kernel's virtual USB host (vhci_hcd), over a socket pair that speaks the
USB/IP protocol; the kernel's own uvcvideo driver then drives it like any other camera. Formats: MJPG with the pictures
of MJPEG_FILE (concatenated JPEGs) at 640x480, and YUY2 in plain, slowly changing grey at 640x480 and 320x240; 30 and 15 fps.

SIGUSR1 pulls the plug and SIGUSR2 plugs it in again; the process's id is in /dev/shm/uvc_camera.
Run as root, with the modules vhci-hcd and uvcvideo loaded.
"""

import collections
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import time

HOST = pathlib.Path("/sys/devices/platform/vhci_hcd.0")
PID_FILE = pathlib.Path("/dev/shm/uvc_camera")

MJPEG, YUY2 = 1, 2  # bFormatIndex
SIZES = {MJPEG: [(640, 480)], YUY2: [(640, 480), (320, 240)]}
INTERVALS = [333_333, 666_666]  # between frames, in 100 ns
TRANSFER_BYTES = 16384  # of one bulk transfer, its 2-byte payload header included
PAYLOAD_HEADER_BYTES = 2
BULK_ENDPOINT = 0x81

# USB/IP commands and replies (Linux Documentation/usb/usbip_protocol.rst)
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HEADER_BYTES = 48
STALLED = -32  # EPIPE
UNLINKED = -104  # ECONNRESET
PORT, DEVICE_ID, HIGH_SPEED = 0, 0x10002, 3

# UVC 1.0: request codes (table A-8) and the selectors used here
SET_CUR = 0x01
GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF = 0x82, 0x83, 0x84, 0x85, 0x86, 0x87
PROBE, COMMIT = 1, 2
CONTROL_INTERFACE, STREAMING_INTERFACE, PROCESSING_UNIT = 0, 1, 2
BRIGHTNESS = 2


# --- descriptors -------------------------------------------------------------------------------------------------


def descriptor(body):
    """A descriptor: its own length, then `body`."""
    return bytes([len(body) + 1]) + body


def frame_descriptors(subtype, sizes):
    """VS_FRAME_MJPEG or VS_FRAME_UNCOMPRESSED for each size (UVC 1.0, tables 3-2 of the payload specifications)."""
    frames = b""
    for index, (width, height) in enumerate(sizes, start=1):
        picture = width * height * 2
        fixed = struct.pack("<BBBBHHIIIIB", 0x24, subtype, index, 0, width, height, picture * 8 * 15, picture * 8 * 30,
                            picture, INTERVALS[0], len(INTERVALS))
        frames += descriptor(fixed + struct.pack("<%dI" % len(INTERVALS), *INTERVALS))
    return frames


def configuration():
    """The configuration: a video control and a video streaming interface, with one bulk endpoint."""
    color_matching = descriptor(bytes([0x24, 0x0D, 1, 1, 4]))  # BT.709 primaries, SMPTE 170M matrix
    mjpeg = descriptor(bytes([0x24, 6, MJPEG, len(SIZES[MJPEG]), 1, 1, 0, 0, 0, 0]))
    mjpeg += frame_descriptors(7, SIZES[MJPEG]) + color_matching
    yuy2_guid = b"YUY2" + bytes.fromhex("00001000800000aa00389b71")
    yuy2 = descriptor(bytes([0x24, 4, YUY2, len(SIZES[YUY2])]) + yuy2_guid + bytes([16, 1, 0, 0, 0, 0]))
    yuy2 += frame_descriptors(5, SIZES[YUY2]) + color_matching
    formats = mjpeg + yuy2
    input_header = descriptor(
        struct.pack("<BBBHBBBBBBBBB", 0x24, 1, 2, 15 + len(formats), BULK_ENDPOINT, 0, 3, 0, 0, 0, 1, 0, 0))

    camera = descriptor(struct.pack("<BBBHBBHHHBH", 0x24, 2, 1, 0x201, 0, 0, 0, 0, 0, 2, 0))
    processing = descriptor(struct.pack("<BBBBHBHB", 0x24, 5, PROCESSING_UNIT, 1, 0, 2, 1, 0))  # brightness, nothing else
    output = descriptor(struct.pack("<BBBHBBB", 0x24, 3, 3, 0x101, 0, PROCESSING_UNIT, 0))
    units = camera + processing + output
    control = descriptor(struct.pack("<BBHHIBB", 0x24, 1, 0x100, 13 + len(units), 48_000_000, 1, 1)) + units

    body = b"".join([
        descriptor(bytes([11, 0, 2, 14, 3, 0, 0])),  # interface association: two interfaces, one camera
        descriptor(bytes([4, CONTROL_INTERFACE, 0, 0, 14, 1, 0, 0])),
        control,
        descriptor(bytes([4, STREAMING_INTERFACE, 0, 1, 14, 2, 0, 0])),
        input_header,
        formats,
        descriptor(struct.pack("<BBBHB", 5, BULK_ENDPOINT, 2, 512, 0)),
    ])
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 50) + body


def string_descriptor(index):
    """String 0 is the list of languages (US English alone), the others are names."""
    if index == 0:
        return descriptor(bytes([3, 0x09, 0x04]))
    names = {1: "framelag tests", 2: "Software UVC webcam"}
    return descriptor(bytes([3]) + names[index].encode("utf-16le")) if index in names else None


DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 0x100, 1, 2, 0, 1)
CONFIGURATION = configuration()


# --- the camera --------------------------------------------------------------------------------------------------


class Camera:
    """What the camera answers to control requests, and the pictures that it makes."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.format, self.frame, self.interval = MJPEG, 1, INTERVALS[0]
        self.brightness = 128
        self.streaming = False
        self.made = 0
        self.due = 0.0
        self.toggle = 0

    def control(self, setup, data):
        """Answers a control request: the bytes to return, or None to stall."""
        request_type, request, value, index, _length = struct.unpack("<BBHHH", setup)
        if (request_type, request) == (0x02, 0x01):  # CLEAR_FEATURE(ENDPOINT_HALT): how uvcvideo stops a bulk stream
            self.streaming = False
        if request_type == 0x80 and request == 6:  # GET_DESCRIPTOR
            return {1: DEVICE, 2: CONFIGURATION, 3: string_descriptor(value & 0xFF)}.get(value >> 8)
        if request_type & 0x60 == 0:  # any other standard request
            return b"\0\0" if request_type & 0x80 else b""
        selector, unit, interface = value >> 8, index >> 8, index & 0xFF
        if interface == STREAMING_INTERFACE and selector in (PROBE, COMMIT):
            return self.negotiate(selector, request, data)
        if unit == PROCESSING_UNIT and selector == BRIGHTNESS:
            return self.control_brightness(request, data)
        return None

    def negotiate(self, selector, request, data):
        """The probe and commit controls (UVC 1.0, section 4.3.1.1)."""
        if request == SET_CUR:
            wanted_format, wanted_frame, wanted_interval = struct.unpack_from("<BBI", data, 2)
            self.format = min(max(wanted_format, MJPEG), YUY2)
            self.frame = min(max(wanted_frame, 1), len(SIZES[self.format]))
            self.interval = min(INTERVALS, key=lambda interval: abs(interval - wanted_interval))
            if selector == COMMIT:
                self.streaming, self.due = True, time.monotonic()
            return b""
        if request == GET_INFO:
            return b"\x03"
        if request == GET_LEN:
            return b"\x1a\0"
        width, height = SIZES[self.format][self.frame - 1]
        return struct.pack("<HBBIHHHHHII", 1, self.format, self.frame, self.interval, 0, 0, 0, 0, 0, width * height * 2,
                           TRANSFER_BYTES)

    def control_brightness(self, request, data):
        """A control that does nothing: without any, some programs find the camera broken."""
        if request == SET_CUR:
            self.brightness = struct.unpack_from("<h", data)[0]
            return b""
        fixed = {GET_INFO: b"\x03", GET_LEN: b"\x02\0"}
        values = {GET_MIN: 0, GET_MAX: 255, GET_RES: 1, GET_DEF: 128}
        return fixed.get(request) or struct.pack("<h", values.get(request, self.brightness))

    def next_transfers(self, now):
        """The next picture in bulk transfers, each with a payload header that toggles from picture to picture."""
        self.made += 1
        self.toggle ^= 1
        # Late by more than 0.1 s: the pictures in between are not made up for.
        self.due = max(self.due + self.interval / 1e7, now - 0.1)
        if self.format == MJPEG:
            picture = self.pictures[self.made % len(self.pictures)]
        else:
            width, height = SIZES[self.format][self.frame - 1]
            picture = bytes([16 + self.made % 220, 128]) * (width * height)
        step = TRANSFER_BYTES - PAYLOAD_HEADER_BYTES
        for start in range(0, len(picture), step):
            last = 2 if start + step >= len(picture) else 0
            yield bytes([PAYLOAD_HEADER_BYTES, 0x80 | self.toggle | last]) + picture[start:start + step]


# --- the bus -----------------------------------------------------------------------------------------------------


class Bus:
    """The camera's cable: USB/IP requests of the kernel on a socket, answered by `camera`."""

    def __init__(self, camera):
        self.camera = camera
        self.socket = None
        self.waiting = collections.deque()  # sequence numbers of bulk transfers that wait for data
        self.ready = collections.deque()  # data that waits for transfers

    def plug(self):
        """Plugs the camera in."""
        self.forget()
        kernel_end, self.socket = socket.socketpair()
        (HOST / "attach").write_text("%d %d %d %d" % (PORT, kernel_end.fileno(), DEVICE_ID, HIGH_SPEED))
        kernel_end.close()

    def unplug(self):
        """Pulls the plug."""
        try:
            (HOST / "detach").write_text(str(PORT))
        except OSError as error:
            print("unplug:", error, flush=True)
        self.hang_up()

    def hang_up(self):
        if self.socket:
            self.socket.close()
        self.socket = None
        self.forget()

    def forget(self):
        self.waiting.clear()
        self.ready.clear()
        self.camera.streaming = False

    def wait(self):
        """Waits for a request of the kernel, or until the next picture is due; answers what came."""
        if self.ready and self.waiting:
            seconds = 0.0
        elif self.camera.streaming and not self.ready:
            seconds = max(0.0, self.camera.due - time.monotonic())
        else:
            seconds = 0.5
        readable, _, _ = select.select([self.socket] if self.socket else [], [], [], seconds)
        if readable:
            try:
                self.answer(self.receive(HEADER_BYTES))
            except (EOFError, OSError):
                self.hang_up()

    def stream(self):
        """Makes the picture that is due and hands data to the transfers that wait for it."""
        now = time.monotonic()
        if self.camera.streaming and not self.ready and now >= self.camera.due:
            self.ready.extend(self.camera.next_transfers(now))
        while self.ready and self.waiting and self.socket:
            self.reply(self.waiting.popleft(), 0, self.ready.popleft())

    def answer(self, header):
        command, sequence, _device, inward, endpoint = struct.unpack_from(">IIIII", header)
        if command == CMD_UNLINK:
            self.unlink(sequence, struct.unpack_from(">I", header, 20)[0])
            return
        length = struct.unpack_from(">I", header, 24)[0]
        data = self.receive(length) if not inward and length else b""
        if endpoint != 0:
            self.waiting.append(sequence)
            return
        answer = self.camera.control(header[40:48], data)
        if not self.camera.streaming:
            self.ready.clear()
        if answer is None:
            self.reply(sequence, STALLED)
        elif inward:
            self.reply(sequence, 0, answer[:length])
        else:
            self.reply(sequence, 0, taken=length)

    def unlink(self, sequence, victim):
        status = UNLINKED if victim in self.waiting else 0
        self.waiting = collections.deque(waiting for waiting in self.waiting if waiting != victim)
        self.socket.sendall(struct.pack(">IIIIIi24x", RET_UNLINK, sequence, 0, 0, 0, status))

    def reply(self, sequence, status, data=b"", taken=None):
        length = len(data) if taken is None else taken
        self.socket.sendall(
            struct.pack(">IIIIIiIIII8x", RET_SUBMIT, sequence, 0, 0, 0, status, length, 0, 0xFFFFFFFF, 0) + data)

    def receive(self, count):
        received = b""
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            if not piece:
                raise EOFError
            received += piece
        return received


def split_jpegs(stream):
    """The pictures of concatenated JPEGs: each begins with SOI and a marker, which entropy-coded data never holds."""
    return [b"\xff\xd8\xff" + rest for rest in stream.split(b"\xff\xd8\xff")[1:]]


def main():
    pictures = split_jpegs(pathlib.Path(sys.argv[1]).read_bytes())
    if not pictures:
        sys.exit("%s holds no JPEG" % sys.argv[1])
    bus = Bus(Camera(pictures))
    asked = collections.deque()  # signals are acted on between requests, not amid one
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(signal.SIGUSR1))
    signal.signal(signal.SIGUSR2, lambda *_: asked.append(signal.SIGUSR2))
    bus.plug()
    PID_FILE.write_text(str(os.getpid()))
    while True:
        while asked:
            if asked.popleft() == signal.SIGUSR1:
                bus.unplug()
            elif bus.socket is None:
                bus.plug()
        bus.wait()
        bus.stream()


main()

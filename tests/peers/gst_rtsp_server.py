#!/usr/bin/env python3
"""A GStreamer RTSP server for framelag's tests.

    /in    takes a publisher (RECORD)
    /cam   plays what /in takes, depayloaded and payloaded again
    /test  plays a test picture with no corner code in it
    /jpeg  plays a test picture in JPEG

Over TCP and UDP. Listens on a free loopback port, prints its address (rtsp://127.0.0.1:PORT) on standard output once it does,
and ends when standard input ends.
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402, F401

RECORD = "( rtph264depay name=depay0 ! h264parse config-interval=-1 ! " \
    "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false emit-signals=true )"
PLAY = "( appsrc name=in is-live=true format=time do-timestamp=true " \
    "caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
TEST = "( videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=480,framerate=30/1 ! " \
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
JPEG = "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! jpegenc ! " \
    "rtpjpegpay name=pay0 pt=26 )"


class Bridge:
    """Passes access units from the recording pipeline to the playing one."""

    def __init__(self):
        self.lock = threading.Lock()
        self.source = None
        self.taken = 0

    def on_recording(self, _factory, media):
        media.get_element().get_by_name("out").connect("new-sample", self.on_sample)
        media.connect("unprepared", lambda _media: log("recording ended after %d access units" % self.taken))
        log("recording")

    def on_playing(self, _factory, media):
        with self.lock:
            self.source = media.get_element().get_by_name("in")
        media.connect("unprepared", self.on_played)
        log("playing")

    def on_played(self, _media):
        with self.lock:
            self.source = None

    def on_sample(self, sink):
        sample = sink.emit("pull-sample")
        self.taken += 1
        with self.lock:
            if self.source is not None:
                unit = sample.get_buffer().copy()
                unit.pts = unit.dts = Gst.CLOCK_TIME_NONE  # the source stamps it with its own pipeline's time
                self.source.emit("push-buffer", unit)
        return Gst.FlowReturn.OK


def log(text):
    print(text, file=sys.stderr, flush=True)


def factory(launch):
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(launch)
    made.set_shared(True)
    made.set_latency(0)
    return made


def end_with_standard_input(loop):
    sys.stdin.buffer.read()
    loop.quit()


def main():
    Gst.init(None)
    bridge = Bridge()

    record = factory(RECORD)
    record.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    record.connect("media-configure", bridge.on_recording)
    play = factory(PLAY)
    play.connect("media-configure", bridge.on_playing)

    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    # A thread for each client: a player waits in DESCRIBE for data that a publisher's thread has to bring.
    server.get_thread_pool().set_max_threads(-1)
    mounts = server.get_mount_points()
    mounts.add_factory("/in", record)
    mounts.add_factory("/cam", play)
    mounts.add_factory("/test", factory(TEST))
    mounts.add_factory("/jpeg", factory(JPEG))
    server.attach(None)
    print("rtsp://127.0.0.1:%d" % server.get_bound_port(), flush=True)

    loop = GLib.MainLoop()
    threading.Thread(target=end_with_standard_input, args=[loop], daemon=True).start()
    loop.run()


main()

#!/usr/bin/env python3
"""How old the picture is in a browser: plays each path for real, ours and then MediaMTX's with a publisher of the same settings, and writes
the table of docs/browser-results.md. Called by `make proof`. Ends with 99 if a figure misses one of its limits.

PROOF          names of figures, parted by commas (default: all)
PROOF_SECONDS  length of every join, instead of what each figure says; limits of rare events are then not judged
PROOF_BIN      folder of publisher, receiver and framelag (default target/release)
MEDIAMTX       the program (default: on PATH); without it those columns stay empty, and limits against it are not judged
"""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BIN = pathlib.Path(os.environ.get("PROOF_BIN", TARGET / "release"))
RESULTS = TARGET / "proof"
PAGE = ROOT / "docs/browser-results.md"
BEGIN, END = "<!-- proof: begin -->", "<!-- proof: end -->"
SECONDS = int(os.environ.get("PROOF_SECONDS", "0"))
# Before its statistics begin, a join plays so long.
WARMUP = 2
# Beside viewers, until all of them are there.
CROWD_WARMUP = 15
# As the receiver's, when an assertion fails.
MISSED = 99
MEDIAMTX = os.environ.get("MEDIAMTX") or shutil.which("mediamtx")


@dataclass
class Side:
    """A server and a player."""

    via: str
    player: str
    server: str = ""
    """Arguments of `framelag serve`, or MediaMTX's HLS settings as `key: value, …`."""


@dataclass
class Figure:
    what: str
    limits: dict[str, float]
    """The most that each may be: a name of LIMITS."""
    ours: Side
    theirs: Side | None = None
    gop: int = 6
    jitter: bool = False
    joins: int = 5
    seconds: int = 60
    viewers: int = 0


OWN = Side("ll-hls", "--player own --preset frame", "--preset frame")
HLSJS = "--player hls.js"
REAL_TIME = "--player hls.js --preset real-time"
BEST = "hlsVariant: lowLatency, hlsSegmentDuration: 200ms, hlsPartDuration: 50ms, hlsSegmentCount: 7"
SHORT = "hlsVariant: fmp4, hlsSegmentDuration: 500ms, hlsSegmentCount: 3"

LIMITS = {
    "p50": "p50 ≤ {:g} ms",
    "p99": "p99 ≤ {:g} ms",
    "first": "first picture ≤ {:g} ms",
    "stalls": "stalls ≤ {:g}",
    "ratio": "p50 ≤ {:g} × MediaMTX's",
    "memory": "server grows by ≤ {:g} MB",
    "more stalls": "stalls of the browser ≤ {:g} more than beside one viewer",
    "crowd stalls": "stalls per viewer, on average, ≤ {:g} more than of one alone",
    "crowd missing": "missing parts ≤ {:g}",
    "crowd failed": "viewers refused ≤ {:g}",
}
# Rare events and slow growth: a figure that was measured for a shorter time says nothing about them.
NEED_TIME = {"stalls", "memory", "more stalls", "crowd stalls", "crowd missing"}
LL_HLS = {"p50": 75, "p99": 110, "stalls": 0, "first": 250, "ratio": 0.25}

FIGURES = {
    "ll-hls": Figure(
        "LL-HLS, preset *frame*, our player; MediaMTX's 200 ms and 50 ms with hls.js", LL_HLS,
        OWN, Side("ll-hls", HLSJS, BEST)),
    "ll-hls-long": Figure("LL-HLS, preset *frame*, our player, for 5 minutes", {"stalls": 0}, OWN, joins=1, seconds=302),
    "ll-hls-jitter": Figure(
        "LL-HLS, preset *frame*, our player, timestamps that jitter by 10 ms (encoded by ffmpeg)", LL_HLS,
        OWN, Side("ll-hls", HLSJS, BEST), jitter=True),
    "hls.js": Figure(
        "LL-HLS, hls.js with default settings; our server with preset *ultra*, MediaMTX's 200 ms and 50 ms", {"ratio": 0.6},
        Side("ll-hls", HLSJS, "--preset ultra"), Side("ll-hls", HLSJS, BEST)),
    "mse": Figure("`mse`", {"p50": 60, "stalls": 0}, Side("mse", "", "")),
    "dash": Figure(
        "DASH, dash.js, preset *frame*, three joins of 5 minutes", {"p50": 100, "stalls": 0},
        Side("dash", "--player dash.js --preset frame", "--preset frame"), joins=3, seconds=302),
    "real-time": Figure(
        "HLS, preset *real-time*, hls.js; MediaMTX's 500 ms", {"ratio": 0.9},
        Side("hls", REAL_TIME, "--preset real-time"), Side("hls", REAL_TIME, SHORT), gop=15),
    "viewers": Figure(
        "LL-HLS, our player beside 50 viewers, for 10 minutes; and beside one",
        {"more stalls": 0, "memory": 2, "crowd stalls": 0, "crowd missing": 0, "crowd failed": 0}, OWN, joins=1, seconds=602, viewers=50),
}  # fmt: skip


@contextlib.contextmanager
def running(command, **how):
    """A process that is ended with all that it started."""
    process = subprocess.Popen([str(word) for word in command], start_new_session=True, text=True, **how)
    try:
        yield process
    finally:
        for which in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, which)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break


@contextlib.contextmanager
def our_server(side, log):
    command = [BIN / "framelag", "serve", "--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json", *side.server.split()]
    with running(command, stdout=subprocess.PIPE, stderr=log) as server:
        listening = json.loads(server.stdout.readline())
        name = {"dash": "manifest.mpd", "mse": "mse"}.get(side.via, "index.m3u8")
        yield server, listening["rtsp"], f"http://{listening['http']}/cam/{name}"


@contextlib.contextmanager
def mediamtx(side, log):
    # An address of the loopback network that nothing else binds: its ports cannot be asked for.
    host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    settings = "\n".join(side.server.split(", "))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(
            f"rtspAddress: {host}:8554\nrtspTransports: [tcp]\nrtmp: no\nwebrtc: no\nsrt: no\nhls: yes\n"
            f"hlsAddress: {host}:8888\nhlsAlwaysRemux: yes\n{settings}\npaths:\n  all_others:\n"
        )
        file.flush()
        with running([MEDIAMTX, file.name], stdout=log, stderr=log, env={**os.environ, "MTX_MOQ": "no"}) as server:
            time.sleep(1)
            yield server, f"{host}:8554", f"http://{host}:8888/cam/index.m3u8"


@contextlib.contextmanager
def publishing(figure, rtsp, log):
    source = [BIN / "publisher", "--source", "test", "--size", "640x480", "--fps", "30"]
    if not figure.jitter:
        with running([*source, "--gop", figure.gop, "--bitrate", "1500k", "--to", f"rtsp://{rtsp}/cam"], stdout=log, stderr=log):
            yield
        return
    encoder = (
        "ffmpeg -v error -fflags nobuffer -probesize 32 -analyzeduration 0 -f yuv4mpegpipe -i - -fps_mode passthrough "
        "-vf settb=1/90000,setpts=PTS+floor((random(0)-0.5)*1800) -enc_time_base 1:90000 -c:v libx264 -preset ultrafast "
        f"-tune zerolatency -profile:v baseline -b:v 1500k -sc_threshold 0 -g {figure.gop} -f rtsp -rtsp_transport tcp"
    )
    with (
        running([*source, "--to", "-"], stdout=subprocess.PIPE, stderr=log) as pictures,
        running([*encoder.split(), f"rtsp://{rtsp}/cam"], stdin=pictures.stdout, stdout=log, stderr=log),
    ):
        yield


def resident_mb(server):
    """Of the process, see proc_pid_status(5)."""
    for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return None


def measure(folder, figure, side, serve):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    before = os.getloadavg()[0]
    with open(folder / "log", "w") as log, serve(side, log) as (server, rtsp, url), publishing(figure, rtsp, log):
        time.sleep(5)
        receiver = [BIN / "receiver", "--via", side.via, url, *side.player.split(), "--report", folder / "run"]
        warmup = CROWD_WARMUP if figure.viewers else WARMUP
        receiver += ["--joins", figure.joins, "--duration", f"{figure.seconds - WARMUP + warmup}s", "--warmup", f"{warmup}s"]
        with contextlib.ExitStack() as beside:
            playing = beside.enter_context(running(receiver, stdout=log, stderr=log))
            crowd = None
            if figure.viewers:
                # The start of a browser keeps both cores busy for a moment: it is no part of what viewers see.
                time.sleep(5)
                address, path = url.removeprefix("http://").split("/", 1)
                # Viewers take no CPU time from a server or from another viewer: theirs run when nobody else wants to, and the
                # kernel notes what arrives.
                command = ["chrt", "--idle", "0", BIN / "examples/viewers", address, f"/{path}", figure.viewers, figure.seconds, "55"]
                crowd = beside.enter_context(running(command, stdout=subprocess.PIPE, stderr=log))
                time.sleep(CROWD_WARMUP - 5)
            memory = [resident_mb(server)]
            while playing.poll() is None:
                time.sleep(5)
                memory.append(resident_mb(server))
            seen = None
            if crowd:
                with contextlib.suppress(subprocess.TimeoutExpired, json.JSONDecodeError):
                    seen = json.loads(crowd.communicate(timeout=60)[0])
    report = folder / "run/run.json"
    run = json.loads(report.read_text()) if report.is_file() else None
    side = figures(run, memory, seen) if run else {"p50": None, "joins": 0, "crowd": seen}
    return side | {"exit": playing.returncode, "load": [before, os.getloadavg()[0]]}


def figures(run, memory, crowd):
    """Of a run: medians over the joins that had pictures, and all its stalls."""
    joins = [join for join in run["joins"] if join["latency_ms"]["count"]]
    over = lambda pick: [value for value in map(pick, joins) if value is not None]  # noqa: E731
    p50 = over(lambda join: join["latency_ms"]["p50"])
    return {
        "p50": [min(p50), statistics.median(p50), max(p50)] if p50 else None,
        "p99": statistics.median(over(lambda join: join["latency_ms"]["p99"])) if p50 else None,
        "first": statistics.median(over(lambda join: join["startup"]["first_frame_ms"])) if p50 else None,
        "joins": len(joins),
        "stalls": run["stalls"]["count"],
        "longest": run["stalls"]["longest_ms"],
        "browser": f"{run['browser']['name']} {run['browser']['version']}",
        # A server that has ended holds none.
        "memory": None if None in memory else [memory[0], max(memory), memory[-1]],
        "crowd": crowd,
    }


def cell(result):
    if not result or not result["p50"]:
        return "–", "–", "–", "–"
    low, middle, high = result["p50"]
    stalls = f"{result['stalls']}" + (f" (≤ {result['longest']:.0f} ms)" if result["stalls"] else "")
    return f"{middle:.0f} ({low:.0f}–{high:.0f})", f"{result['p99']:.0f}", f"{result['first']:.0f}", stalls


def judged(result):
    """What was missed, and what could not be judged."""
    ours, theirs, missed, unknown = result["ours"], result.get("mediamtx"), [], []
    crowd, alone = ours["crowd"], result.get("alone")
    values = {
        "p50": ours["p50"] and ours["p50"][1],
        "ratio": ours["p50"] and theirs and theirs["p50"] and ours["p50"][1] / theirs["p50"][1],
        "memory": ours.get("memory") and ours["memory"][1] - ours["memory"][0],
        "more stalls": None if alone is None or ours["joins"] == 0 or alone["joins"] == 0 else ours["stalls"] - alone["stalls"],
        "crowd stalls": crowd and alone and alone["crowd"] and crowd["stalls"] / crowd["viewers"] - alone["crowd"]["stalls"],
        "crowd missing": crowd and alone and alone["crowd"] and crowd["missing"] + alone["crowd"]["missing"],
        "crowd failed": crowd and alone and alone["crowd"] and len(crowd["failed"] + alone["crowd"]["failed"]),
    }
    skipped = NEED_TIME & result["limits"].keys() if result["seconds"] < result["wanted_seconds"] else set()
    if skipped:
        unknown.append(f"{' and '.join(sorted(skipped))} not judged: that needs {result['wanted_seconds']} s")
    for name, most in result["limits"].items():
        if name in skipped:
            continue
        value = values[name] if name in values else ours.get(name)
        if value is None and name == "ratio" and theirs is None:
            unknown.append("no MediaMTX")
        elif value is None or value > most:
            missed.append(name)
    for whose, side in [("", ours), ("MediaMTX's ", theirs), ("beside one viewer: ", alone)]:
        if side and side["exit"]:
            missed.append(f"{whose}receiver ended with {side['exit']}")
        if side and side["joins"] < result["joins"]:
            missed.append(f"{whose}joins")
    return missed, unknown


def verdict(result):
    missed, unknown = judged(result)
    text = "**missed**: " + ", ".join(missed) if missed else "met"
    if unknown:
        text += f" ({', '.join(unknown)})"
    if max(load for side in sides(result) for load in side["load"]) > result["cores"]:
        text += "; load > cores"
    return text


def sides(result):
    return [result[side] for side in ("ours", "alone", "mediamtx") if side in result]


def row(result, machine):
    ours, theirs = result["ours"], result.get("mediamtx")
    ratio = f"{ours['p50'][1] / theirs['p50'][1]:.2f}" if theirs and theirs["p50"] and ours["p50"] else "–"
    wanted = ", ".join(LIMITS[name].format(most) for name, most in result["limits"].items())
    played = " / ".join(str(side["joins"]) for side in sides(result))
    load = " / ".join(f"{side['load'][0]:.1f} → {side['load'][1]:.1f}" for side in sides(result))
    lines = [f"| {result['what']} | {wanted} | {verdict(result)} | " + " | ".join(cell(ours)) + f" | {cell(theirs)[0]} | {ratio} "
             f"| {played} of {result['joins']} × {result['seconds']} s | {load} | {result['date']} | {machine} |"]  # fmt: skip
    for side in sides(result):
        if crowd := side["crowd"]:
            late, memory = crowd["late_ms"], side.get("memory") or ["–"] * 3
            worst = f"{late['p99']:.1f} ms at p99, {late['max']:.1f} ms at most" if late["max"] is not None else "unknown"
            waits = f"{crowd['waits']} waits" + (f" (≤ {crowd['longest_wait_ms']:.1f} ms)" if crowd["waits"] else "")
            text = (
                f"viewers: {crowd['viewers']}, {len(crowd['failed'])} refused, {crowd['parts']} parts, {crowd['missing']} missing, "
                f"{waits}, {crowd['stalls']} stalls at {crowd['viewers_with_stalls']} of them; later than in its first 64 parts: {worst}; "
                f"the browser: {cell(side)[3]} stalls; "
                f"the server's memory: {memory[0]} MB at the start, {memory[1]} at most, {memory[2]} at the end"
            )
            lines.append(f"| | {text} |" + " |" * 11)
    return "\n".join(lines)


def write_page():
    results = {name: json.loads(file.read_text()) for name in FIGURES if (file := RESULTS / f"{name}.json").is_file()}
    # An older version of this script left no wanted length.
    results = {name: result for name, result in results.items() if "wanted_seconds" in result}
    machines = list(dict.fromkeys(result["machine"] for result in results.values()))
    head = [
        "| path | wanted | | p50 (of the joins) | p99 | first picture | stalls | MediaMTX p50 | ratio | joins, ours / beside one viewer or MediaMTX's | load | date | on |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    table = head + [row(result, machines.index(result["machine"]) + 1) for result in results.values()]
    note = "Milliseconds; medians over the joins that had pictures, minimum and maximum in brackets."
    hosts = [f"{number}. {machine}" for number, machine in enumerate(machines, 1)]
    text = "\n".join([BEGIN, note, "", *table, "", *hosts, END])
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + text + rest.split(END)[1])


def machine(browser):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    theirs = subprocess.run([MEDIAMTX, "--version"], capture_output=True, text=True).stdout.strip() if MEDIAMTX else "none"
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    priority = "" if os.sched_getscheduler(0) == os.SCHED_OTHER else ", at real-time priority"
    return f"{os.cpu_count()} cores ({model}), {system}, {browser}, MediaMTX {theirs}{priority}"


def main():
    names = [name for name in os.environ.get("PROOF", ",".join(FIGURES)).split(",") if name]
    if unknown := [name for name in names if name not in FIGURES]:
        sys.exit(f"PROOF: no figure {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    missed = {}
    for name in names:
        figure = FIGURES[name]
        wanted_seconds, figure.seconds = figure.seconds, SECONDS or figure.seconds
        print(f"{name}: {figure.joins} × {figure.seconds} s", flush=True)
        result = {"what": figure.what, "limits": figure.limits, "joins": figure.joins, "seconds": figure.seconds, "wanted_seconds": wanted_seconds}
        if figure.viewers:
            result["alone"] = measure(RESULTS / name / "alone", replace(figure, viewers=1), figure.ours, our_server)
        result["ours"] = measure(RESULTS / name / "ours", figure, figure.ours, our_server)
        if figure.theirs and MEDIAMTX:
            result["mediamtx"] = measure(RESULTS / name / "mediamtx", figure, figure.theirs, mediamtx)
        result["cores"] = os.cpu_count()
        result["date"] = datetime.date.today().isoformat()
        result["machine"] = machine(result["ours"].get("browser", "no browser"))
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1))
        print(row(result, 1), flush=True)
        write_page()
        if failed := judged(result)[0]:
            missed[name] = failed
    if missed:
        print("missed: " + "; ".join(f"{name}: {', '.join(what)}" for name, what in missed.items()), file=sys.stderr)
        sys.exit(MISSED)


if __name__ == "__main__":
    main()

"""Reads playlists with the PyPI package m3u8, strictly: fails where it complains, and prints how many segments and parts they have."""

import pathlib
import sys

import m3u8

segments = parts = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.m3u8")):
    text = path.read_text()
    playlist = m3u8.M3U8(text, strict=True)
    # What it understood is what is written.
    assert len(playlist.segments) >= text.count("#EXTINF:"), path
    found = sum(len(segment.parts) for segment in playlist.segments)
    assert found == text.count("#EXT-X-PART:"), f"{path}: {found} parts"
    assert playlist.server_control.can_block_reload == "YES", path
    assert bool(playlist.skip) == ("#EXT-X-SKIP:" in text), path
    segments += text.count("#EXTINF:")
    parts += found
print(segments, parts)

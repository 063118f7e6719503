#!/usr/bin/env python3
"""Takes what others let go of: of the few ports that the system gives out here, it holds most, each for a moment, and those
that are named all the time. Says so on standard output once it does.

    port_hog.py RANGE HELD PORT…      as in 40000-40399 330 8554; changes the network namespace that it runs in
"""

import random
import socket
import sys
import time

PAUSE_S = 0.0002  # or nobody else would get to run on a small machine


def listen(port):
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


first, last = sys.argv[1].split("-")
with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as settings:
    settings.write(f"{first} {last}")
named = [listen(int(port)) for port in sys.argv[3:]]
held = [listen(0) for _ in range(int(sys.argv[2]))]
print("holding", flush=True)
while True:
    held.pop(random.randrange(len(held))).close()
    while len(held) < int(sys.argv[2]):
        try:
            held.append(listen(0))
        except OSError:
            pass  # Somebody has one that is just being taken.
        time.sleep(PAUSE_S)

"""Measures production servers: requests a second, CPU a request, slow clients, and what SIGTERM under load loses.

`python -m bench.servers` measures those of granian and gunicorn that are installed (`pip install gunicorn`).
Requests a second need `wrk`. Linux only.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import site

HOST = "127.0.0.1"
THREADS = 8
HELLO, HOME = "bench.hello:app", "bench.site:app"
SLOW_CLIENTS = 200
PROBES = 12
PROBE_WITHIN_S = 2
LOAD_CLIENTS = 32
POSTS = 20

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
SLOW_POST = b"POST /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"
LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


def commands(app: str, port: int) -> dict[str, list[str]]:
    """How to start each server that is installed, with one worker of eight threads."""
    host, bind = f"--host {HOST} --port {port}", f"--bind {HOST}:{port}"
    known = {
        "granian": f"--interface wsgi --blocking-threads {THREADS} {host} --no-ws --workers-kill-timeout 30 {app}",
        "gunicorn": f"-k gthread --threads {THREADS} {bind} --graceful-timeout 30 {app}",
    }
    return {
        name: [sys.executable, "-m", name, *arguments.split()]
        for name, arguments in known.items()
        if importlib.util.find_spec(name)
    }


def main() -> None:
    """Measure each server and print one line a figure."""
    with TemporaryDirectory() as folder:
        os.environ["BENCH_FOLDER"] = folder  # what servers start inherits it
        site.fill(site.make(), POSTS)
        port = free_port()
        for name, command in commands(HELLO, port).items():
            print(f"\n{name}, bare Flask")
            measure_speed(command, port)
            measure_patience(command, port)
            measure_stop(command, port)
            print(f"\n{name}, the blog's home page")
            measure_speed(commands(HOME, port)[name], port)


def measure_speed(command: list[str], port: int) -> None:
    """How soon it answers, how often, and what that costs."""
    with running(command, port) as server:
        print(f"  first answer after     {server.started_s:.2f} s")
        measure_throughput(server)
        print(f"  memory after that      {server.memory_mib():.0f} MiB")


def measure_patience(command: list[str], port: int) -> None:
    """Whether quick clients are served beside slow ones."""
    for what, sent in (("half headers", HALF_HEADERS), ("half bodies", HALF_BODY), ("non-readers", LARGE)):
        with running(command, port):
            print(f"  {SLOW_CLIENTS} {what:<18} {probes_beside(sent, port)} of {PROBES} probes served")


def measure_stop(command: list[str], port: int) -> None:
    """What becomes of requests when it is told to end under load, twice."""
    for what in ("SIGTERM", "SIGTERM again"):
        ends = stop_under_load(command, port)
        print(f"  {what:<22} {ends['answered']} answered, {ends['lost']} lost, {ends['refused']} refused")


class Server:
    """A server that runs, and what it uses."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, started_s: float) -> None:
        self.process, self.port, self.started_s = process, port, started_s

    def pids(self) -> list[int]:
        """The server's process and all below it."""
        found = [self.process.pid]
        for pid in found:
            for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
                found.extend(int(child) for child in tasks.read_text().split())
        return found

    def cpu_s(self) -> float:
        """CPU seconds of the server and its workers so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Memory of the server and its workers, shared pages counted once (PSS)."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()]
        return sum(int(figure("\nPss:", text)) for text in texts) / 1024


@contextmanager
def running(command: list[str], port: int) -> Iterator[Server]:
    """Start a server, wait until it answers, and end it afterwards."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while ask(port, GET) != "answered":
            if process.poll() is not None or time.monotonic() - began > 30:
                raise SystemExit(f"does not start: {' '.join(command)}")
            time.sleep(0.02)
        yield Server(process, port, time.monotonic() - began)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to end; one that waits for its slow clients is ended anyway."""
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        for pid in Server(process, 0, 0).pids():
            os.kill(pid, signal.SIGKILL)
        process.wait()


def measure_throughput(server: Server) -> None:
    """Let wrk ask as fast as it can; CPU a request is the figure that does not depend on how busy the machine is."""
    if not (wrk := shutil.which("wrk")):
        print("  requests a second      not measured: no wrk")
        return
    url = f"http://{HOST}:{server.port}/"
    subprocess.run([wrk, "-t1", "-c32", "-d2s", url], capture_output=True, check=True)
    before = server.cpu_s()
    text = subprocess.run(
        [wrk, "-t1", "-c32", "-d8s", "--latency", url], capture_output=True, text=True, check=True
    ).stdout
    requests = re.findall(r"(\d+) requests in", text)[0]
    print(f"  requests a second      {figure('Requests/sec:', text)}")
    print(f"  99 % within            {figure('99%', text)}")
    print(f"  CPU a request          {(server.cpu_s() - before) / int(requests) * 1e6:.0f} µs")


def figure(label: str, text: str) -> str:
    """Find what stands behind a label."""
    return re.findall(re.escape(label) + r"\s+(\S+)", text)[0]


def probes_beside(sent: bytes, port: int) -> int:
    """Count the probes that are served while slow clients hold their connections, having sent only this."""
    slow = [socket.create_connection((HOST, port), 5) for _ in range(SLOW_CLIENTS)]
    try:
        for each in slow:
            each.sendall(sent)
        time.sleep(0.5)
        return sum(ask(port, GET, PROBE_WITHIN_S) == "answered" for _ in range(PROBES))
    finally:
        for each in slow:
            each.close()


def stop_under_load(command: list[str], port: int) -> Counter[str]:
    """Send SIGTERM while many clients post, each on a new connection; count how each request ended."""
    ends: Counter[str] = Counter()
    with running(command, port) as server:
        over = threading.Event()
        clients = [threading.Thread(target=post_until, args=(over, port, ends)) for _ in range(LOAD_CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(2)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(40)
        over.set()
        for client in clients:
            client.join()
    return ends


def post_until(over: threading.Event, port: int, ends: Counter[str]) -> None:
    """Post again and again until nobody listens any more."""
    while not over.is_set():
        end = ask(port, SLOW_POST)
        ends[end] += 1
        if end == "refused":
            return


def ask(port: int, request: bytes, within_s: float = 35) -> str:
    """Send one request on a new connection.

    :returns: ``answered`` after a whole answer with status 200, ``refused`` when nobody listens, else ``lost``.
    """
    try:
        connection = socket.create_connection((HOST, port), within_s)
    except OSError:
        return "refused"
    with connection:
        try:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return "lost"
    return "answered" if is_whole(answer) else "lost"


def is_whole(answer: bytes) -> bool:
    """Whether this is a 200 with as many bytes as it announced."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return b" 200 " in head.split(b"\r\n")[0] and length is not None and len(body) == int(length[1])


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

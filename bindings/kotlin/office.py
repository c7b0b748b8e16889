"""A hub on this machine with an administrator, a plan and folders of devices: what the tests of a language play against.

The program is `bindings-day`, which is the hub and the client too when its first word says so.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "server" / "data" / "sample-facilities.csv"
FACILITY = "BS-001"
DAYS = 4


def free_port() -> int:
    """A port that is free now, for UDP and for TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue


class Office:
    """Starts at once; `close` ends the hub."""

    def __init__(self, program: pathlib.Path, root: pathlib.Path) -> None:
        self.program, self.root = program, root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("BIENBAN_")}
        self.env["BIENBAN_LANG"] = "en"
        self.key = root / "key"
        self.key.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        self.key.chmod(0o600)
        admin = self.admin("init")["device"]
        words = ["--json", "serve", "--dir", root / "hub", "--listen", f"127.0.0.1:{free_port()}", "--admin", admin]
        with open(root / "hub.log", "wb") as log:
            self.hub = subprocess.Popen(
                [program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=self.env
            )
        line = self.hub.stdout.readline()
        if not line:
            raise SystemExit(f"the hub did not start:\n{(root / 'hub.log').read_text(encoding='utf-8')}")
        self.uri = json.loads(line)["uri"]
        self.admin("hub", "--set", self.uri)
        self.admin("checklist", "add", "tea")
        self.admin("import", "facilities", SAMPLE)
        self.leader = self.device("leader", "Hoàng Thị Mây", "leader")
        self.member = self.device("member", "Nông Văn Thắng", "inspector")
        today = datetime.datetime.now(datetime.timezone.utc).date()
        self.admin(
            "plan", "add", "--title", "Kiểm tra liên ngành cơ sở chè", "--decision", "12/QĐ-UBND",
            "--decision-date", str(today), "--from", str(today), "--to", str(today + datetime.timedelta(DAYS)),
            "--template", "tea", "--facility", FACILITY, "--leader", self.leader, "--member", self.member,
        )  # fmt: skip
        for name in ("leader", "member"):
            self.field(name, "sync")
            # As it is before anybody writes: what tests copy. It must never exchange.
            shutil.copytree(root / name, root / f"{name}-planned")

    def said(self, *words: object) -> dict:
        ran = subprocess.run(
            [self.program, "--json", *map(str, words)],
            stdin=subprocess.DEVNULL, capture_output=True, env=self.env, timeout=120, check=False,
        )  # fmt: skip
        if ran.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, words))}: {ran.stderr.decode()}{ran.stdout.decode()}")
        return json.loads(ran.stdout) if ran.stdout.strip() else {}

    def admin(self, *words: object) -> dict:
        return self.said("admin", "--dir", self.root / "admin", *words)

    def field(self, name: str, *words: object) -> dict:
        return self.said("field", "--dir", self.root / name, "--key-file", self.key, *words)

    def device(self, name: str, person: str, role: str) -> str:
        """Makes a sealed folder whose device the hub knows."""
        device = self.field(name, "init", "--hub", self.uri)["device"]
        self.admin("trust", device, "--name", person, "--agency", "Xã", "--role", role, "--scope", "20")
        return device

    def properties(self) -> pathlib.Path:
        """What the tests need to know, as Java's properties."""
        told = {
            "program": self.program, "root": self.root, "admin": self.root / "admin", "hub.pid": self.hub.pid,
            "hub.uri": self.uri, "key": self.key.read_text(encoding="ascii").strip(), "facility": FACILITY,
        }  # fmt: skip
        file = self.root / "stage.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in told.items()), encoding="utf-8")
        return file

    def close(self) -> None:
        self.hub.kill()
        self.hub.wait()

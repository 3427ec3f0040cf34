"""The guest's devices and the daemon under test, each fresh for every test."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bus import Bus
from ecu import Ecu
from processes import Daemon, Feeder

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target/release/cabinmood"
BUS = "vcan0"
Report = Callable[[str], None]
Start = Callable[..., Daemon]


def pytest_configure() -> None:
    if "GUEST_FOLDER" not in os.environ:
        pytest.exit("these tests run in the guest only: `make test-vm`", returncode=64)


@pytest.fixture(scope="session")
def folder() -> Path:
    """The folder that guest and host share: raw footage comes in, logs go out."""
    return Path(os.environ["GUEST_FOLDER"])


@contextmanager
def module(name: str, *parameters: str) -> Iterator[None]:
    """A kernel module, there while this lasts."""
    subprocess.run(["insmod", f"{os.environ['GUEST_MODULES']}/{name}.ko", *parameters], check=True)
    try:
        yield
    finally:
        subprocess.run(["rmmod", name], check=True)


class Camera:
    """A v4l2loopback camera. It says that it is one only while it is fed, as `exclusive_caps` has it."""

    NUMBER = 3
    NAME = "Cabin camera"
    DEVICE = f"/dev/video{NUMBER}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._feeders: list[Feeder] = []

    def feed(self, clip: str | Path = "single_face", fps: int = 15) -> Feeder:
        """Plays footage, by its name or from a file, into it; gives the feeder once the first frame is in."""
        file = clip if isinstance(clip, Path) else self._folder / f"{clip}.yuyv"
        self._feeders.append(Feeder(self.DEVICE, file, fps))
        return self._feeders[-1]

    @contextmanager
    def plugged_in(self) -> Iterator[None]:
        """There while this lasts."""
        # The kernel splits what it is given at spaces outside quotes.
        name = f'card_label="{self.NAME}"'
        with module("v4l2loopback", f"video_nr={self.NUMBER}", "exclusive_caps=1", name):
            yield
            for feeder in self._feeders:
                feeder.kill()


@pytest.fixture
def devices() -> Callable[[], str]:
    """What `cabinmood devices` prints."""
    return lambda: subprocess.run([BINARY, "devices"], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def absent_camera(folder: Path) -> Camera:
    """A camera that is not plugged in yet."""
    return Camera(folder)


@pytest.fixture
def camera(absent_camera: Camera) -> Iterator[Camera]:
    """A camera that nothing feeds yet."""
    with absent_camera.plugged_in():
        yield absent_camera


@pytest.fixture
def absent_bus() -> Iterator[Bus]:
    """A CAN interface that may be made."""
    with module("vcan"):
        yield Bus(BUS)


@pytest.fixture
def bus(absent_bus: Bus) -> Bus:
    """A CAN interface that is up."""
    absent_bus.create()
    absent_bus.up()
    return absent_bus


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Iterator[Start]:
    """Starts daemons, `start("camera.wait=true", …)`, and sees that each ends well when asked to."""
    daemons: list[Daemon] = []

    def one(*settings: str) -> Daemon:
        source = f"camera.source=camera:{Camera.NUMBER}"
        log = folder / f"{request.node.name}.{len(daemons)}.log"
        daemons.append(Daemon(BINARY, tmp_path, log, [source, *settings]))
        return daemons[-1]

    yield one
    for daemon in daemons:
        assert daemon.end() == 0


@pytest.fixture
def start_on_bus(start: Start) -> Start:
    """Starts daemons that send on the bus."""
    return lambda *settings: start("can.enabled=true", f"can.interface={BUS}", *settings)


@pytest.fixture
def listen() -> Iterator[Callable[..., Ecu]]:
    """Starts ECUs that listen: `listen(\'can.format="fd"\', …)` as the daemon was told."""
    ecus: list[Ecu] = []

    def one(*settings: str) -> Ecu:
        ecus.append(Ecu(BINARY, *settings))
        return ecus[-1]

    yield one
    for ecu in ecus:
        ecu.leave()


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Says what was measured, where the reader of the run sees it."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}", end=" ", flush=True)

    return say

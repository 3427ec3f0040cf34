"""Builds images from a Dockerfile without Docker: its steps in a chroot of a Debian made by debootstrap.

    images.py build TARGET…                  builds, and prints nothing but what the steps print
    images.py run TARGET [options] [ARGS…]   runs its ENTRYPOINT with ARGS, or else CMD

Layers are folders that overlay file systems stack, kept in $XDG_CACHE_HOME/cabinmood/images: a step whose
instruction, base and files are the same is not carried out again. Wants root and unshare.
"""

from __future__ import annotations

import argparse
import dataclasses
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from dockerfile import DockerfileError, Stage, Step, context, stages

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "setup/docker/Dockerfile"
STORE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cabinmood/images"
ENTER = Path(__file__).with_name("enter.sh")
SUITES = {"debian:12": "bookworm"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILD = "make build"
BINARY = os.environ.get("CABINMOOD_BINARY", "")
"""A program that was built on a Debian 12 already; then the step that takes half an hour takes this one."""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
INSIDE = "/mnt/host-certificates.crt"
COPY = f"{Path(__file__).with_name('copy.sh')}:/mnt/copy.sh"


@dataclasses.dataclass(frozen=True)
class Image:
    """Layers, lowest first, and what the instructions say beside files."""

    layers: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = (("PATH", PATH),)
    folder: str = "/"
    user: str = "root"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def stack(self) -> str:
        """For overlay's lowerdir: the uppermost first, seen from the store."""
        return ":".join(reversed(self.layers))


def digest(*parts: str) -> str:
    """A layer's name; short, since the mount options of all layers must fit into a page."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def enter(image: Image, upper: str, script: str, *, network: bool, binds: list[str], user: str) -> int:
    """Runs a shell's script in an image; what it writes lands in `upper`, or nowhere where that is empty."""
    env = dict(image.env)
    if network and Path(AUTHORITIES).is_file():
        # A build host may reach its registries through a proxy with an authority of its own.
        binds = [*binds, f"{AUTHORITIES}:{INSIDE}"]
        env |= dict.fromkeys(("PIP_CERT", "CARGO_HTTP_CAINFO", "SSL_CERT_FILE"), INSIDE)
    # As Docker passes on the proxies of the build host.
    env |= {k: v for k, v in os.environ.items() if network and k.lower().endswith("_proxy")}
    line = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    line += [] if network else ["--net"]
    line += ["bash", str(ENTER), image.stack(), upper, image.folder, user, " ".join(binds), script]
    line += [f"{key}={value}" for key, value in env.items()]
    try:
        return subprocess.run(line, cwd=STORE).returncode
    finally:
        shutil.rmtree(STORE / f"{upper}.work", ignore_errors=True)


def base(origin: str) -> Image:
    """An image of Docker's registry, as near as debootstrap comes to it."""
    if origin not in SUITES:
        raise DockerfileError(f"FROM {origin}: only {', '.join(SUITES)} can be made here")
    name = origin.replace(":", "-")
    if not (STORE / name).is_dir():
        sources = next(
            p
            for p in map(Path, ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"))
            if p.is_file()
        )
        mirror = re.search(r"(?:URIs:|^deb )\s*(http\S+)", sources.read_text(), re.MULTILINE)[1]
        partial = STORE / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", SUITES[origin], partial, mirror]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        # Updates and security updates as well, which Docker's image has.
        (partial / "etc/apt/sources.list").unlink(missing_ok=True)
        shutil.copy(sources, partial / sources.relative_to("/"))
        (partial / "etc/apt/apt.conf.d/docker-clean").write_text(
            'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };\n'
        )
        # As in Docker's image: what a power cut would spoil is made anew anyway.
        (partial / "etc/dpkg/dpkg.cfg.d/docker-apt-speedup").write_text("force-unsafe-io\n")
        policy = partial / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        partial.rename(STORE / name)
    return Image((name,))


class Builder:
    """Builds the stages that a target needs."""

    def __init__(self, dockerfile: Path) -> None:
        self.stages = stages(dockerfile.read_text())
        self.built: dict[str, Image] = {}
        self.files = context(ROOT)

    def image(self, name: str) -> Image:
        """A stage, built where that is not done yet."""
        if name not in self.stages:
            return base(name)
        if name not in self.built:
            stage = self.stages[name]
            image = self.image(stage.origin)
            for step in stage.steps:
                image = self.step(stage, image, step)
            self.built[name] = image
        return self.built[name]

    def step(self, stage: Stage, image: Image, step: Step) -> Image:
        """One instruction."""
        replace = dataclasses.replace
        if step.word == "ENV":
            added = tuple(word.partition("=")[::2] for word in step.words())
            return replace(image, env=(*image.env, *added))
        if step.word == "ARG":
            return image
        if step.word == "WORKDIR":
            moved = replace(image, folder=os.path.normpath(os.path.join(image.folder, step.text)))
            return self.layer(stage, moved, step, f"mkdir -p {shlex.quote(moved.folder)}", "", [])
        if step.word == "USER":
            return replace(image, user=step.text)
        if step.word == "ENTRYPOINT":
            return replace(image, entrypoint=tuple(step.form()), command=())
        if step.word == "CMD":
            return replace(image, command=tuple(step.form()))
        if step.word == "COPY":
            return self.copy(stage, image, step)
        if step.text == BUILD and BINARY:
            script = "install -D /mnt/cabinmood target/release/cabinmood && mkdir -p ~/.cargo"
            built = hashlib.sha256(Path(BINARY).read_bytes()).hexdigest()
            return self.layer(stage, image, step, script, built, [f"{BINARY}:/mnt/cabinmood"])
        return self.layer(stage, image, step, step.text, "", [], network=True)

    def copy(self, stage: Stage, image: Image, step: Step) -> Image:
        """COPY, of the context or of another stage."""
        words = step.words()
        origin = None
        if words[0].startswith("--from="):
            origin = self.image(words.pop(0).removeprefix("--from="))
        if words[0].startswith("--"):
            raise DockerfileError(f"line {step.line}: {words[0]} is not understood here")
        *sources, target = words
        if len(sources) > 1 and not target.endswith("/"):
            raise DockerfileError(f"line {step.line}: several files need a folder, ending in /")
        target = os.path.join(image.folder, target)
        script = f". /mnt/copy.sh; copy {shlex.join([target, *sources])}"
        if origin:
            return self.layer(
                stage, image, step, script, origin.stack(), [f"@{origin.stack()}:/mnt/from", COPY]
            )
        wanted = [f for f in self.files if any(self.chosen(f, s) for s in sources)]
        if not wanted:
            raise DockerfileError(f"line {step.line}: nothing to copy; .dockerignore may leave it out")
        hashes = digest(*(f + hashlib.sha256((ROOT / f).read_bytes()).hexdigest() for f in wanted))
        sent = STORE / "context"
        shutil.rmtree(sent, ignore_errors=True)
        for file in wanted:
            (sent / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, sent / file, follow_symlinks=False)
        return self.layer(stage, image, step, script, hashes, [f"{sent}:/mnt/from", COPY])

    @staticmethod
    def chosen(file: str, source: str) -> bool:
        """Whether COPY's source takes a file."""
        source = source.removeprefix("./").rstrip("/")
        return (
            source in (".", file)
            or file.startswith(f"{source}/")
            or bool(glob.has_magic(source) and Path(file).match(source))
        )

    def layer(
        self,
        stage: Stage,
        image: Image,
        step: Step,
        script: str,
        of: str,
        binds: list[str],
        network: bool = False,
    ) -> Image:
        """What a script changes, as a new layer."""
        name = digest(
            *image.layers[-1:], step.word, step.text, image.folder, image.user, json.dumps(image.env), of
        )
        if not (STORE / name).is_dir():
            print(f"== {stage.name}: {step.word} {step.text}", flush=True)
            partial = STORE / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            user = image.user if step.word == "RUN" else "root"
            inside = dataclasses.replace(image, folder="/") if step.word != "RUN" else image
            code = enter(inside, partial.name, script, network=network, binds=binds, user=user)
            if code:
                raise DockerfileError(f"line {step.line}: {step.word} ended with {code}")
            partial.rename(STORE / name)
        return dataclasses.replace(image, layers=(*image.layers, name))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build")
    build.add_argument("target", nargs="+")
    run = actions.add_parser("run")
    run.add_argument("--bind", action="append", default=[], metavar="HOST:INSIDE")
    run.add_argument("--writable", action="store_true", help="the root is read-only otherwise")
    run.add_argument("--network", action="store_true")
    run.add_argument("--shell", action="store_true", help="ARGS are a line for sh, without the ENTRYPOINT")
    run.add_argument("target")
    run.add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    STORE.mkdir(parents=True, exist_ok=True)
    try:
        builder = Builder(DOCKERFILE)
        if options.action == "build":
            for target in options.target:
                builder.image(target)
            return 0
        image = builder.image(options.target)
    except (DockerfileError, subprocess.CalledProcessError) as error:
        print(f"{DOCKERFILE}: {error}", file=sys.stderr)
        return 65
    script = shlex.join([*image.entrypoint, *(options.args or image.command)])
    if options.shell:
        script = " ".join(options.args)
    upper = ""
    if options.writable:
        upper = f"run-{os.getpid()}"
        (STORE / upper).mkdir()
    try:
        return enter(image, upper, script, network=options.network, binds=options.bind, user=image.user)
    finally:
        if upper:
            shutil.rmtree(STORE / upper)


if __name__ == "__main__":
    sys.exit(main())

"""Reads Dockerfiles: the instructions that this project uses, and an error for any other."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

KNOWN = {"FROM", "RUN", "COPY", "ENV", "ARG", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}


class DockerfileError(Exception):
    """Something in the file that is wrong or not understood; the message names the line."""


@dataclass(frozen=True)
class Step:
    """One instruction."""

    word: str
    text: str
    line: int

    def words(self) -> list[str]:
        """The text, split as a shell does."""
        return shlex.split(self.text)

    def form(self) -> list[str]:
        """The JSON list of ENTRYPOINT or CMD."""
        try:
            return json.loads(self.text)
        except json.JSONDecodeError as error:
            raise DockerfileError(f"line {self.line}: {self.word} must be a JSON list") from error


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    name: str
    origin: str
    """An image or an earlier stage."""
    steps: list[Step]


def instructions(text: str) -> list[Step]:
    """All instructions, continued lines joined and comments left out."""
    steps, parts, begun = [], [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        begun = begun if parts else number
        more = line.rstrip().endswith("\\")
        parts.append(line.rstrip().removesuffix("\\").strip())
        if more:
            continue
        word, _, rest = " ".join(parts).partition(" ")
        if word not in KNOWN:
            raise DockerfileError(f"line {begun}: {word} is not understood here")
        steps.append(Step(word, rest.strip(), begun))
        parts = []
    if parts:
        raise DockerfileError(f"line {begun}: the last instruction does not end")
    return steps


def stages(text: str) -> dict[str, Stage]:
    """The stages by name, in their order."""
    found: dict[str, Stage] = {}
    for step in instructions(text):
        if step.word == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", step.text)
            if not match:
                raise DockerfileError(f"line {step.line}: write FROM image AS name")
            found[match[2]] = stage = Stage(match[2], match[1], [])
        elif not found:
            raise DockerfileError(f"line {step.line}: {step.word} before FROM")
        else:
            stage.steps.append(step)
    return found


def ignored(rules: list[str], path: str) -> bool:
    """Whether .dockerignore leaves a path out: the last rule that fits it or a folder above it decides."""
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!").strip("/")
        patterns = [pattern, pattern.removeprefix("**/")] if pattern.startswith("**/") else [pattern]
        if any(_fits(one, p) for one in above for p in patterns):
            out = not rule.startswith("!")
    return out


def _fits(path: str, pattern: str) -> bool:
    """As Docker matches: a star stops at a slash, two do not."""
    if "**" in pattern:
        return fnmatch.fnmatchcase(path, pattern)
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def context(root: Path) -> list[str]:
    """The files that `docker build ROOT` would send, sorted."""
    lines = (root / ".dockerignore").read_text().splitlines()
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        base = "" if folder == str(root) else f"{os.path.relpath(folder, root)}/"
        # What lies in a folder that no rule lets in again need not be looked at.
        folders[:] = [n for n in folders if not (base == "" and ignored(rules, n))]
        found += [base + n for n in files if not ignored(rules, base + n)]
    return sorted(found)

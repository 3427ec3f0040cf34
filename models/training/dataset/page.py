"""The report's figures and contact sheets as a page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from dataset.align import UNREADABLE
from dataset.pictures import KEPT

STYLE = """body { font: 15px sans-serif; margin: 2em; max-width: 75em }
td, th { padding: .2em .7em; text-align: right } th:first-child, td:first-child { text-align: left }
tr:nth-child(even) { background: #eee } table { border-collapse: collapse; margin: 1em 0 }
img { max-width: 100% }"""
_MOST_NAMES = 200
"""Of files that no sheet can show, in the page; report.json has all."""


def page(found: dict, titles: dict[str, str]) -> str:
    """The report for reading."""
    columns = list(next(iter(found["classes"].values())))
    total = [sum(row[c] for row in found["classes"].values()) for c in columns]
    classes = [[name, *row.values()] for name, row in found["classes"].items()] + [["all classes", *total]]
    unreadable = [row["file"] for row in found["not_kept"] if row["why"] == UNREADABLE]
    names = "".join(f"<li>{html.escape(name)}</li>" for name in unreadable[:_MOST_NAMES])
    pictures = "".join(
        f'<h3>{html.escape(title)}</h3><img src="sheets/{name}.png" alt="{html.escape(title)}">'
        for name, title in titles.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Data set report</title>
<style>{STYLE}</style>
<h1>Data set report</h1>
<p>{found["pictures"]} pictures; {found["fates"][KEPT]} are kept. A rejected picture of the test split stays
in <code>test/pictures</code>, where it counts as wrong unless it can be judged as it came; rejected ones of
the other splits are not used.
<code>report.json</code> names every picture that was not kept.</p>
<h2>Classes</h2>{table(["", *(c.replace("_", " ") for c in columns)], classes)}
<h2>Not kept</h2>{table(["what became of it", "pictures"], found["fates"].items())}
{table(["rejected because", "pictures"], found["rejected"].items())}
{table(["folder that names no class", "pictures"], found["unlabelled_folders"].items())}
{table(["ending of files that were passed over", "files"], found["files_passed_over"].items())}
<p>{found["copies_with_another_label"]} copies are filed under another class than the picture that was kept:
look at them. {found["copies_that_would_have_lain_in_another_split"]} copies would have lain in another split
than their original, had nobody looked for copies.</p>
<h2>Persons</h2>{table(["split", "known persons"], found["persons"].items())}
<h2>Settings</h2>{table(["", ""], found["settings"].items())}
<h2>Unreadable files: {len(unreadable)}</h2><ul>{names}</ul>
<h2>Contact sheets</h2><p>At most sixty of each kind, evenly spaced.</p>{pictures}
"""


def table(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """An HTML table; nothing where there are no rows."""
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    top = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    return f"<table><tr>{top}</tr>{body}</table>" if body else ""

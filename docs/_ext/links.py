"""Links by name: where a page writes the name of something that the reference lists, as code.

Markdown stays plain for whoever reads it on a code host, and the site has the links all the same.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

_KINDS: Final = ("confval", "check", "command", "tag")
_CALL: Final = re.compile(r"\(.*\)$", re.DOTALL)
# Names that are words as well.
_AMBIGUOUS: Final = frozenset({"backlog", "on"})


def targets(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Return the page and the anchor of everything that has a name of its own."""
    found: dict[str, tuple[str, str]] = {}
    for name, _, kind, page, anchor, _ in env.domains.standard_domain.get_objects():
        if kind in _KINDS:
            found[name] = (page, anchor)
    for full, _, kind, page, anchor, _ in env.domains.python_domain.get_objects():
        short = full.rpartition(".")[2]
        if kind in ("function", "class", "exception", "data") and short not in found:
            found[short] = found[full] = (page, anchor)
    return found


class NamesAsLinks(SphinxPostTransform):
    """Makes a link of each name in code marks that the reference lists."""

    default_priority = 400
    builders = ("html", "dirhtml")

    def run(self, **kwargs: Any) -> None:
        """Change the page."""
        known = targets(self.env)
        page = self.env.docname
        for literal in list(self.document.findall(nodes.literal)):
            name = _CALL.sub("", literal.astext())
            target = known.get(name)
            if target is None or name in _AMBIGUOUS or _is_linked(literal):
                continue
            if _describes(literal, target[1]):
                continue
            link = make_refnode(self.app.builder, page, target[0], target[1], literal.deepcopy())
            literal.replace_self(link)


def _is_linked(node: nodes.Node) -> bool:
    above = node.parent
    while above is not None:
        if isinstance(above, (nodes.reference, nodes.title)):
            return True
        above = above.parent
    return False


def _describes(node: nodes.Node, anchor: str) -> bool:
    """Tell whether the name stands in its own description."""
    above = node.parent
    while above is not None:
        first = above.children[0] if above.children else None
        if isinstance(first, nodes.Element) and anchor in first.get("ids", ()):
            return True
        above = above.parent
    return False


def by_short_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Return a link for a name in a signature, or in `Raises:`, without its module."""
    if node.get("refdomain") != "py":
        return None
    target = targets(env).get(str(node["reftarget"]).rpartition(".")[2])
    if target is None:
        return None
    return make_refnode(app.builder, node["refdoc"], target[0], target[1], content)


# Pages that stand outside of docs/, and as what the site has them.
_OUTSIDE: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}


def _inside(text: str) -> str:
    """Return Markdown whose links lead to the site's own copies of pages outside of docs/."""

    def link(found: re.Match[str]) -> str:
        name, anchor = found.groups()
        # Of the README the site has another beginning, and so none of its headings.
        return f"]({_OUTSIDE[name]}{'' if name == 'README.md' or anchor is None else anchor})"

    return re.sub(rf"\]\((?:\.\./)?({'|'.join(map(re.escape, _OUTSIDE))})(#[^)]*)?\)", link, text)


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Change the links of a page of docs/."""
    source[:] = map(_inside, source)


def read_included(app: Sphinx, path: Path, page: str, source: list[str]) -> None:
    """Change the links of what a page includes."""
    source[:] = map(_inside, source)


def setup(app: Sphinx) -> None:
    """Have Sphinx make the links."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    app.add_post_transform(NamesAsLinks)
    app.connect("missing-reference", by_short_name)

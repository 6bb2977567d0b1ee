"""Write a tree in canonical layout: two spaces a level, quotes where needed, comments in their places. Decides no order."""

from __future__ import annotations

from reconciler.files import manifest_writer
from reconciler.files.canonical.tree import Branch, Entry, Leaf, Sheet


def write(sheets: list[Sheet]) -> str:
    """Return the text of a file."""
    page = _Page()
    for number, sheet in enumerate(sheets):
        page.remarks(sheet.lead, 0)
        if number or sheet.explicit:
            page.open(f"---{_spaced(sheet.marker_comment)}")
        page.remarks(sheet.head, 0)
        if isinstance(sheet.root, Branch):
            page.root(sheet.root)
    return page.text()


def _spaced(remark: str) -> str:
    return remark if not remark or remark.startswith(" ") else f" {remark}"


class _Page:
    """The lines written so far."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._fresh = True
        """True at the start of a file, document or block, and behind text whose blank lines count: no blank line there."""
        self._blank = False

    def text(self) -> str:
        """Return the whole text."""
        return "".join(f"{line}\n" for line in self._lines)

    def root(self, root: Branch) -> None:
        """Write the map that a document is."""
        if root.flow:
            self._add(_with_prefix(root.prefix, _flow(root)))
        else:
            if root.prefix:
                self._add(f"--- {root.prefix}") if not self._lines else self._add(root.prefix)
            self._branch(root, 0)

    def remarks(self, remarks: list[str], indent: int) -> None:
        """Write comments; "" is a blank line."""
        for remark in remarks:
            if remark:
                self._add(" " * indent + remark)
            else:
                self._blank = True

    def open(self, line: str) -> None:
        """Write a line behind which no blank line may stand."""
        self._blank = False
        self._add(line)
        self._fresh = True

    def _add(self, line: str) -> None:
        if self._blank and not self._fresh:
            self._lines.append("")
        self._blank = self._fresh = False
        self._lines.append(line)

    def _branch(self, branch: Branch, indent: int, lead: str = "") -> None:
        """Write a block; `lead` stands in place of the first line's indentation, as a dash does."""
        for entry in branch.entries:
            self.remarks(entry.before, indent)
            self._entry(entry, indent, lead or " " * indent)
            lead = ""
        self.remarks(branch.trailing, indent)

    def _entry(self, entry: Entry, indent: int, lead: str) -> None:
        intro = lead + (f"{_key(entry)}:" if entry.home.is_map else "-")
        value = entry.value
        if isinstance(value, Leaf):
            self._leaf(value, intro, indent, _spaced(entry.after))
        elif value.flow or not value.entries:
            remarks = _spaced(entry.after or entry.head)
            self._add(f"{intro} {_with_prefix(value.prefix, _flow(value))}{remarks}")
        elif entry.home.is_map or value.prefix or entry.head:
            self.open(f"{intro}{_spaced(value.prefix)}{_spaced(entry.head)}")
            self._branch(value, indent + 2)
        else:
            self._branch(value, indent + 2, lead=f"{intro} ")

    def _leaf(self, leaf: Leaf, intro: str, indent: int, remark: str) -> None:
        if leaf.is_block:
            self._add(f"{intro} {leaf.header()}")
            for line in leaf.text.split("\n")[1:]:
                kept = line[leaf.step :]
                self._lines.append(" " * (indent + 2) + kept if kept else "")
            self._fresh = leaf.keeps_blank_lines
            return
        text = _scalar(leaf, flow=False)
        first, *rest = text.split("\n")
        lines = [f"{intro}{_spaced(first)}", *(_moved(line, indent + 2) for line in rest)]
        lines[-1] += remark
        self._add(lines[0])
        self._lines.extend(lines[1:])


def pull_up(branch: Branch) -> None:
    """Move comments above the first key behind a dash to above the dash: no line is left for them between the two."""
    for entry in branch.entries:
        value = entry.value
        if isinstance(value, Branch) and not value.flow and value.entries:
            pull_up(value)
            if not branch.is_map and not value.prefix and not entry.head:
                first = value.entries[0]
                entry.before.extend(first.before)
                first.before = []


def _moved(line: str, indent: int) -> str:
    """Indent a further line of a scalar: white space at its start does not count."""
    bare = line.strip("\t ") if not line.endswith("\\ ") else line.lstrip("\t ")
    return " " * indent + bare if bare else ""


def _with_prefix(prefix: str, text: str) -> str:
    return f"{prefix} {text}" if prefix else text


def _key(entry: Entry) -> str:
    key = entry.key
    if key is None:
        return ""
    if key.alias:
        return f"{key.text} "
    if key.bare and entry.name != key.value:
        return entry.name
    text = _scalar(key, flow=False)
    return text if "\n" not in text and not key.is_block else manifest_writer.quoted(key.value)


def _flow(node: Leaf | Branch) -> str:
    """Write a value on one line."""
    if isinstance(node, Leaf):
        return _scalar(node, flow=True) or "null"
    if not node.is_map:
        return "[" + ", ".join(_in_flow(entry.value) for entry in node.entries) + "]"
    return "{" + ", ".join(f"{_flow_key(entry)}: {_in_flow(entry.value)}" for entry in node.entries) + "}"


def _in_flow(node: Leaf | Branch) -> str:
    return _with_prefix(node.prefix, _flow(node)) if isinstance(node, Branch) else _flow(node)


def _flow_key(entry: Entry) -> str:
    key = entry.key
    if key is None:
        return ""
    if key.alias:
        return f"{key.text} "
    return entry.name if key.bare and entry.name != key.value else _scalar(key, flow=True)


def _scalar(leaf: Leaf, *, flow: bool) -> str:
    """Return a scalar as it was written, less quotes that it does not need."""
    quoted = leaf.bare and leaf.style in ("'", '"') and "\n" not in leaf.text
    if quoted and manifest_writer.reads_unquoted(leaf.value, flow=flow):
        return leaf.value
    return leaf.text

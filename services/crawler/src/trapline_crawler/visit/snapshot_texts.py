"""What a snapshot of a page (CDP ``DOMSnapshot.captureSnapshot``) says that the page paints. Pure.

A snapshot is the browser's own account: texts as they are laid out, of pseudo elements, list markers, closed shadow
roots and frames of the same process as well. No script of the page takes part in it.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

STYLES = (
    "content",
    "list-style-type",
    "list-style-image",
    "background-image",
    "border-image-source",
    "mask-image",
    "hyphenate-character",
    "text-emphasis-style",
    "quotes",
)
"""Properties that paint texts or pictures of their own."""
_MARKS = STYLES.index("text-emphasis-style")
_PAINTED_ATTRIBUTES = frozenset(
    {"alt", "value", "placeholder", "label", "src", "srcset", "href", "xlink:href", "poster", "data"}
)
_OPAQUE = frozenset({"CANVAS", "VIDEO"})
"""Elements whose picture no protocol reads: a script may have painted anything into them."""
_FRAMES = frozenset({"IFRAME", "FRAME", "OBJECT", "EMBED", "FENCEDFRAME", "PORTAL", "WEBVIEW"})
_DATA = re.compile(r"data:(?P<type>image/[-a-z0-9.+]+)?(?P<rest>[^,]*),(?P<data>[^\"')\s]*)", re.IGNORECASE)
_VECTOR = "image/svg+xml"
_LEGIBLE = (40.0, 8.0)
"""Width and height, in CSS pixels, below which a picture has no room for six characters that a person could read."""
_LARGEST_UNIT = "\uffff"


@dataclass(slots=True, kw_only=True)
class Painted:
    """What a page paints."""

    texts: list[str] = field(default_factory=list)
    """Texts to look for secrets in: whole ones, and all letters in the orders in which a person may read them."""
    doubts: list[str] = field(default_factory=list)
    """What paints something that can't be read, in words."""
    frames_elsewhere: int = 0
    """Frames that are painted and whose document is not in the snapshot: another process shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """One run of text on one line."""

    text: str
    """Its characters."""
    left: float
    """CSS pixels."""
    top: float
    """CSS pixels."""
    width: float
    """CSS pixels."""
    height: float
    """CSS pixels."""


def painted(snapshot: Mapping[str, Any], masked: Collection[int]) -> Painted:
    """Return what all documents of a snapshot paint, but for the elements in ``masked``, backend node ids.

    Password fields are taken for masked: the picture never shows them.
    """
    found = Painted()
    for document in snapshot["documents"]:
        _Document(document, snapshot["strings"], masked).add_to(found)
    return found


class _Document:
    def __init__(self, document: Mapping[str, Any], strings: Sequence[str], masked: Collection[int]) -> None:
        self._strings = strings
        self._nodes = document["nodes"]
        self._layout = document["layout"]
        self._boxes = document["textBoxes"]
        self._names = [self._string(index).upper() for index in self._nodes["nodeName"]]
        self._hidden = self._masked(masked)
        self._values = dict(self._rare("inputValue")) | dict(self._rare("textValue"))
        self._sources = dict(self._rare("currentSourceURL"))
        self._framed = set(self._nodes["contentDocumentIndex"]["index"])

    def add_to(self, found: Painted) -> None:
        texts: list[str] = []
        marks: list[str] = []
        for number, node in enumerate(self._layout["nodeIndex"]):
            if self._hidden[node]:
                continue
            texts.append(self._string(self._layout["text"][number]))
            _, _, width, height = self._layout["bounds"][number]
            pictures = [self._string(index) for index in self._layout["styles"][number]]
            if self._nodes["nodeType"][node] == 1:
                name, attributes = self._names[node], self._attributes(node)
                marks.append(pictures[_MARKS].strip('"'))
                pictures += [*attributes, self._values.get(node, ""), self._sources.get(node, "")]
                if width > 0 and height > 0:
                    self._weigh(name, node, found)
                if name == "USE":  # what it shows is another element, whose copy the snapshot leaves out
                    texts += self._texts_of_nodes()
                elif name == "SELECT":  # it shows options, of which there is no layout
                    texts += self._texts_within(node)
            for text in pictures:
                found.texts += _readable(text)
                if width >= _LEGIBLE[0] and height >= _LEGIBLE[1] and (doubt := _unreadable(text)):
                    found.doubts.append(doubt)
        found.texts += ("".join(texts), "".join(marks))
        boxes = list(self._text_boxes())
        found.texts.append("".join(box.text for box in _rows(boxes)))
        found.texts.append("".join(box.text for box in _columns(boxes)))

    def _weigh(self, name: str, node: int, found: Painted) -> None:
        if name in _OPAQUE:
            found.doubts.append(f"a {name.lower()}")
        elif name in _FRAMES and node not in self._framed:
            found.frames_elsewhere += 1

    def _masked(self, masked: Collection[int]) -> list[bool]:
        """Return which nodes lie in a masked element; a parent stands before its children."""
        hidden: list[bool] = []
        for node, parent in enumerate(self._nodes["parentIndex"]):
            own = self._nodes["backendNodeId"][node] in masked or self._is_password(node)
            hidden.append(own or (parent >= 0 and hidden[parent]))
        return hidden

    def _is_password(self, node: int) -> bool:
        if self._names[node] != "INPUT":
            return False
        return dict(self._pairs(node)).get("type", "").lower() == "password"

    def _pairs(self, node: int) -> Iterator[tuple[str, str]]:
        flat = self._nodes["attributes"][node]
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            yield self._string(name), self._string(value)

    def _attributes(self, node: int) -> list[str]:
        return [value for name, value in self._pairs(node) if name in _PAINTED_ATTRIBUTES]

    def _texts_within(self, root: int) -> list[str]:
        """Return texts and labels of all nodes in ``root``, which stand right after it."""
        texts: list[str] = []
        within = {root}
        for node in range(root + 1, len(self._names)):
            if self._nodes["parentIndex"][node] not in within:
                break
            within.add(node)
            texts += (self._string(self._nodes["nodeValue"][node]), *self._attributes(node))
        return texts

    def _texts_of_nodes(self) -> list[str]:
        return [
            self._string(self._nodes["nodeValue"][node])
            for node, kind in enumerate(self._nodes["nodeType"])
            if kind == 3  # noqa: PLR2004  (Node.TEXT_NODE)
        ]

    def _rare(self, name: str) -> Iterator[tuple[int, str]]:
        rare = self._nodes.get(name, {"index": (), "value": ()})
        for node, value in zip(rare["index"], rare["value"], strict=True):
            yield node, self._string(value)

    def _text_boxes(self) -> Iterator[_Box]:
        boxes = self._boxes
        for number, bounds, start, length in zip(
            boxes["layoutIndex"], boxes["bounds"], boxes["start"], boxes["length"], strict=True
        ):
            if not self._hidden[self._layout["nodeIndex"][number]]:
                left, top, width, height = bounds
                text = _units(self._string(self._layout["text"][number]), start, length)
                yield _Box(text=text, left=left, top=top, width=width, height=height)

    def _string(self, index: int) -> str:
        return self._strings[index] if index >= 0 else ""


def _units(text: str, start: int, length: int) -> str:
    """Return a part of ``text`` by UTF-16 units, in which the browser counts."""
    if max(text, default="") <= _LARGEST_UNIT:
        return text[start : start + length]
    data = text.encode("utf-16-le", "surrogatepass")
    return data[2 * start : 2 * (start + length)].decode("utf-16-le", "replace")


def _rows(boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes line by line, each line from left to right."""
    return _in_lines([(box.top, box.height, box.left, box) for box in boxes])


def _columns(boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes column by column, each from top to bottom; a narrow letter needs as much room as any other."""
    placed = []
    for box in boxes:
        room = max(box.width, box.height)
        placed.append((box.left + (box.width - room) / 2, room, box.top, box))
    return _in_lines(placed)


def _in_lines(placed: list[tuple[float, float, float, _Box]]) -> list[_Box]:
    """Return boxes in order, line by line; each is given as (begin across, size across, begin along, box).

    A line is as wide as its first box, and those whose middles lie in it are in the line.
    """
    ordered: list[_Box] = []
    line: list[tuple[float, _Box]] = []
    end = float("-inf")
    for begin, size, along, box in sorted(placed, key=lambda one: one[0] + one[1] / 2):
        if begin + size / 2 > end:
            ordered += [one for _, one in sorted(line, key=lambda one: one[0])]
            line, end = [], begin + size
        line.append((along, box))
    return ordered + [one for _, one in sorted(line, key=lambda one: one[0])]


def _readable(text: str) -> Iterator[str]:
    """Yield a text, and the drawings in it that are texts as well."""
    if text:
        yield text
        if "data:" in text.lower():
            for match in _DATA.finditer(text):
                if (match["type"] or "").lower() == _VECTOR:
                    yield _decoded(match)


def _decoded(match: re.Match[str]) -> str:
    data = unquote_to_bytes(match["data"])
    if "base64" in match["rest"].lower():
        try:
            data = b64decode(data + b"==")
        except Base64Error:
            return ""
    return data.decode("utf-8", "replace")


def _unreadable(text: str) -> str | None:
    """Return what in a source or a style paints what a script of the page may have made."""
    lowered = text[:32].lower() if text.startswith(("data:", "blob:")) else text.lower()
    if "blob:" in lowered:
        return "a picture that a script made"
    if "paint(" in lowered:
        return "a painting by a script"
    for match in _DATA.finditer(text):
        if match["type"] and match["type"].lower() != _VECTOR:
            return "a picture within the page"
    return None

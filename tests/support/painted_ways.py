"""Ways in which a page may paint a text, and pages that hold it without painting it."""

import base64
import json
from collections.abc import Callable
from html import escape
from urllib.parse import quote

Body = Callable[[str], str]


def _css(value: str) -> str:
    """Return ``value`` as a string of a style sheet."""
    return '"' + "".join(f"\\{ord(character):x} " for character in value) + '"'


def _styled(style: Body, body: str) -> Body:
    return lambda key: f"<style>{style(key)}</style>{body}"


def _scripted(body: str, script: str) -> Body:
    """Return a page whose script finds the value in ``key``."""
    return lambda key: f"{body}<script>{{ const key = {json.dumps(key)}; {script} }}</script>"


def _letters(key: str, style: Callable[[int], str]) -> str:
    return "".join(f"<span style='{style(at)}'>{escape(letter)}</span>" for at, letter in enumerate(key))


def _shuffled(key: str) -> str:
    placed = [
        f"<i style='position:absolute;top:60px;left:{12 * at}px'>{escape(letter)}</i>" for at, letter in enumerate(key)
    ]
    return "".join(placed[1::2] + placed[::2])


def _column(key: str) -> str:
    left = "".join(f"<tr><td>word {at}<td>{escape(letter)}" for at, letter in enumerate(key))
    return f"<table>{left}</table>"


def drawing(key: str) -> str:
    """Return a drawing (SVG) that shows the value."""
    text = f'<text x="5" y="30">{escape(key)}</text>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="60">{text}</svg>'


def _in_base64(key: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(drawing(key).encode()).decode()


def _in_percent(key: str) -> str:
    return "data:image/svg+xml," + quote(drawing(key), safe="")


_CANVAS = """const c = document.createElement('canvas'); c.width = 600; c.height = 60;
c.getContext('2d').fillText(key, 5, 30); """

WAYS: dict[str, Body] = {
    "text": lambda k: f"<p>{escape(k)}</p>",
    "upper case by style": lambda k: f"<p style='text-transform:uppercase'>{escape(k)}</p>",
    "full width by style": lambda k: f"<p style='text-transform:full-width'>{escape(k)}</p>",
    "a pseudo element's attr": lambda k: (
        f"<style>p::before {{ content: attr(data-k) }}</style><p data-k='{escape(k)}'></p>"
    ),
    "a pseudo element's text": _styled(lambda k: f"p::after {{ content: {_css(k)} }}", "<p></p>"),
    "a closed shadow root": _scripted(
        "<div id=d></div>", "document.all.d.attachShadow({ mode: 'closed' }).append(key)"
    ),
    "an open shadow root": _scripted("<div id=d></div>", "document.all.d.attachShadow({ mode: 'open' }).append(key)"),
    "a declared shadow root": lambda k: f"<div><template shadowrootmode=closed><b>{escape(k)}</b></template></div>",
    "the text of a missing picture": lambda k: f"<img src=/missing.png alt='{escape(k)}' width=600 height=80>",
    "a list marker": _styled(lambda k: f"ul {{ margin-left: 30em; list-style-type: {_css(k)} }}", "<ul><li>x</ul>"),
    "a marker's content": _styled(lambda k: f"li::marker {{ content: {_css(k)} }}", "<ul><li>x</ul>"),
    "a counter style": _styled(
        lambda k: f"@counter-style key {{ system: cyclic; symbols: {_css(k)} }} ol {{ list-style: key inside }}",
        "<ol><li>x</ol>",
    ),
    "a counter": _styled(
        lambda k: (
            f"@counter-style key {{ system: cyclic; symbols: {_css(k)} }}"
            "p::before { counter-increment: n; content: counter(n, key) }"
        ),
        "<p>x",
    ),
    "quotes": _styled(lambda k: f"q {{ quotes: {_css(k)} '' }}", "<q>x</q>"),
    "groups": lambda k: "<p>" + escape(" ".join(k[at : at + 4] for at in range(0, len(k), 4))),
    "letters apart": lambda k: "<div style='display:flex'>" + _letters(k, lambda _: "display:block") + "</div>",
    "letters turned round": lambda k: (
        "<div style='display:flex;flex-direction:row-reverse'>"
        + _letters(k[::-1], lambda _: "display:block")
        + "</div>"
    ),
    "letters in an order by style": lambda k: (
        "<div style='display:flex'>"
        + "".join(
            f"<b style='order:{at}'>{escape(c)}</b>" for at, c in sorted(enumerate(k), key=lambda p: p[0] * 7 % 13)
        )
        + "</div>"
    ),
    "letters by position": _shuffled,
    "letters below each other": _column,
    "letters with blanks that nobody sees": lambda k: "<p>" + "&#8203;".join(map(escape, k)),
    "letters from right to left": lambda k: (
        f"<p style='direction:rtl;unicode-bidi:bidi-override'>{escape(k[::-1])}</p>"
    ),
    "a field": lambda k: f"<input value='{escape(k)}' size=60>",
    "a field that a script fills": _scripted("<input id=i size=60>", "document.all.i.value = key"),
    "a text area": lambda k: f"<textarea cols=80>{escape(k)}</textarea>",
    "a placeholder": lambda k: f"<input placeholder='{escape(k)}' size=60>",
    "a button": lambda k: f"<input type=button value='{escape(k)}'>",
    "an option": lambda k: f"<select><option>{escape(k)}</select>",
    "an option's label": lambda k: f"<select><option label='{escape(k)}'>x</select>",
    "a drawing's text": drawing,
    "a drawing used again": lambda k: (
        f"<svg width=600 height=60><defs><text id=t y=30>{escape(k)}</text></defs><use href='#t'/></svg>"
    ),
    "a drawing in a file": lambda _: "<img src=/drawing.svg>",
    "a drawing as a background": lambda _: "<div style='background:url(/drawing.svg);width:600px;height:60px'></div>",
    "a drawing within the page": lambda k: f"<img src='{_in_base64(k)}'>",
    "a drawing within a style": lambda k: (
        f"<div style='background-image:url(&quot;{_in_percent(k)}&quot;);width:600px;height:60px'></div>"
    ),
    "a drawing as content": _styled(lambda k: f'p::before {{ content: url("{_in_base64(k)}") }}', "<p></p>"),
    "a drawing as an object": lambda _: "<object data=/drawing.svg type=image/svg+xml></object>",
    "a canvas": _scripted("<p>x", _CANVAS + "document.body.append(c)"),
    "a picture of a canvas": _scripted("<img id=i>", _CANVAS + "document.all.i.src = c.toDataURL()"),
    "a picture that a script made": _scripted(
        "<img id=i>", _CANVAS + "c.toBlob((blob) => { document.all.i.src = URL.createObjectURL(blob) })"
    ),
    "a film of a canvas": _scripted(
        "<video id=v width=600 height=60 autoplay muted></video>",
        _CANVAS + "document.all.v.srcObject = c.captureStream()",
    ),
    "a frame": lambda _: "<iframe src=/whole width=600></iframe>",
    "a frame's own text": lambda k: f"<iframe srcdoc='{escape(escape(k))}' width=600></iframe>",
    "a frame of another site": lambda k: f"<iframe src='http://127.0.0.2:PORT/said?{quote(k)}' width=600></iframe>",
    "a first letter": lambda k: f"<style>p::first-letter {{ font-size: 3em }}</style><p>{escape(k)}",
    "hyphens": _styled(
        lambda k: f"p {{ width: 2em; hyphens: manual; hyphenate-character: {_css(k)} }}", "<p>word&shy;word&shy;word"
    ),
    "marks of emphasis": lambda k: "<p>" + "".join(f"<i style='text-emphasis: {_css(c)}'>x</i>" for c in k),
    "a dialog": _scripted("<dialog id=d></dialog>", "document.all.d.append(key); document.all.d.showModal()"),
    "mathematics": lambda k: f"<math><mtext>{escape(k)}</mtext></math>",
    "ruby": lambda k: f"<ruby>x<rt>{escape(k)}</rt></ruby>",
    "marquee": lambda k: f"<marquee>{escape(k)}</marquee>",
    "an editable text": lambda k: f"<div contenteditable>{escape(k)}</div>",
    "a page that lies to scripts": lambda k: (
        f"<p>{escape(k)}</p><script>Array.prototype.join = () => ''; String.prototype.replace = () => '';"
        "Object.defineProperty(HTMLElement.prototype, 'innerText', { get() { return '' } });"
        "Document.prototype.querySelectorAll = () => []</script>"
    ),
}
"""By what paints it; ``PORT`` stands for the port of the same site at 127.0.0.2."""

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""
_ICON = "data:image/png;base64," + base64.b64encode(PICTURE).decode()

UNSEEN: dict[str, Body] = {
    "nothing": lambda _: "<p>A page.</p>",
    "a hidden field": lambda k: f"<p>A page.</p><input type=hidden value='{escape(k)}'>",
    "an attribute that nothing shows": lambda k: f"<p data-key='{escape(k)}' title='{escape(k)}'>A page.</p>",
    "what is not displayed": lambda k: f"<p>A page.</p><p style='display:none'>{escape(k)}</p>",
    "a script": _scripted("<p>A page.</p>", "window.held = key"),
    "a password": lambda k: f"<p>A page.</p><input type=password value='{escape(k)}'>",
    "an icon": lambda _: f"<p>A page.</p><img width=16 height=16 src='{_ICON}'>",
    "a drawing in a file": lambda _: "<p>A page.</p><img src=/logo.svg>",
    "a picture file": lambda _: "<p>A page.</p><img src=/picture.png width=300 height=80>",
    "a frame of another site": lambda _: "<p>A page.</p><iframe src='http://127.0.0.2:PORT/said?nothing'></iframe>",
}
"""Pages that are photographed."""

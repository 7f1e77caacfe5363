"""Pages that take all they can get: memory, frames, console, bytes, processor time, storage; and nine good neighbours.

Each of ``HOSTILE`` is one page; what else it fetches is in ``PARTS``. Sizes are such that a page left to itself would
take gigabytes, or all of the machine's time, within a visit's time-out.
"""

import asyncio
import base64
import gzip
import hashlib
import struct
from functools import cache
from types import MappingProxyType

from .hostile import Page, Request, answer, page, raw

_MIB = 1024 * 1024
_UNPACKED = 64 * _MIB


def _script(text: str) -> Page:
    return page(f"<p>text</p><script>{text}</script>")


@cache
def _bomb() -> bytes:
    """Return gzip that unpacks to ``_UNPACKED`` bytes of a page."""
    return gzip.compress(b"<p>" + b"x" * (_UNPACKED - 3), compresslevel=1)


async def _gzip(request: Request) -> None:
    await answer(request, _bomb(), more="Content-Encoding: gzip\r\nCache-Control: no-store\r\n")


async def _chunk(request: Request) -> None:
    await answer(request, b"x" * (4 * _MIB), more="Cache-Control: no-store\r\n")


async def _late_good(request: Request) -> None:
    await asyncio.sleep(1.2)
    await answer(request, b"<!doctype html><title>Good</title><h1>Good page</h1><p>late</p><img src=/pixel.png>")


async def _socket(request: Request) -> None:
    """Speak WebSocket, and send messages of 8 MiB for ever."""
    accepted = hashlib.sha1(
        request.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    ).digest()
    request.writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(accepted)
        + b"\r\n\r\n"
    )
    message = b"\x82\x7f" + struct.pack(">Q", 8 * _MIB) + b"x" * (8 * _MIB)
    while True:
        request.writer.write(message)
        await request.writer.drain()


async def _itself(request: Request) -> None:
    """Frame itself twice, each time under another address."""
    number = len(request.site.seen)
    await answer(request, f"<p>text</p><iframe src='?{number}a'></iframe><iframe src='?{number}b'></iframe>".encode())


async def _cookies(request: Request) -> None:
    lines = "".join(f"Set-Cookie: c{number}={'x' * 3900}; Path=/cookies\r\n" for number in range(60))
    script = "(async () => { for (let i = 0; ; i++) await fetch('/cookies/' + i) })()"
    await answer(request, f"<p>text</p><script>{script}</script>".encode(), more=lines)


_WORKER = "new Worker(URL.createObjectURL(new Blob([`{}`])))"
_LAUGHS = "".join(f"--v{n}: var(--v{n - 1}) var(--v{n - 1}) var(--v{n - 1});" for n in range(1, 24))
_USES = "".join(f"<g id=g{n}>" + f"<use href='#g{n - 1}'/>" * 10 + "</g>" for n in range(1, 9))
_FILLS = "b = []; for (;;) { const u = new Uint8Array(64 << 20); u.fill(1); b.push(u) }"
_WASM = "new WebAssembly.Memory({initial: 1, maximum: 65536})"

HOSTILE: MappingProxyType[str, Page] = MappingProxyType(
    {
        # frames, workers, windows
        "/frames": _script("for (let i = 0; i < 1000; i++) document.body.append(document.createElement('iframe'))"),
        "/frames-in-frames": _itself,
        "/frames-come-and-go": _script(
            "const turn = () => { for (let i = 0; i < 20; i++) { const f = document.createElement('iframe');"
            "f.srcdoc = '<p>x'; document.body.append(f); f.remove() } setTimeout(turn) }; turn()"
        ),
        "/workers-spin": _script(f"for (let i = 0; i < 16; i++) {_WORKER.format('for (;;);')}"),
        "/workers-come-and-go": _script(f"setInterval(() => {{ const w = {_WORKER.format('1')}; w.terminate() }})"),
        "/shared-worker": _script(
            "new SharedWorker(URL.createObjectURL(new Blob([`(async () => { for (;;) "
            "await fetch(location.origin + '/chunk?' + Math.random()) })()`])))"
        ),
        "/service-worker": _script(
            "ServiceWorkerContainer.prototype.register.call(navigator.serviceWorker, '/spin.js', {scope: '/'})"
        ),
        "/windows": _script("setInterval(() => window.open('/good?' + Math.random(), '_blank', 'noopener'), 5)"),
        "/windows-openers": _script("setInterval(() => window.open('/spin'), 5)"),
        # memory
        "/memory": _script(
            "b = []; setInterval(() => { if (b.length < 24) { const u = new Uint8Array(256 << 20); u.fill(1);"
            "b.push(u) } }, 20)"
        ),
        "/memory-strings": _script("b = []; setInterval(() => b.push('x'.repeat(5e7).split('').join('y')), 5)"),
        "/memory-workers": _script(f"for (let i = 0; i < 4; i++) {_WORKER.format(_FILLS)}"),
        "/memory-wasm": _script(
            f"m = {_WASM}; setInterval(() => {{ m.grow(1024); new Uint8Array(m.buffer).fill(1) }}, 5)"
        ),
        "/memory-dom": _script(
            "setInterval(() => { const d = document.createElement('div'); d.innerHTML = '<b>x</b>'.repeat(2e5);"
            "document.body.append(d) }, 5)"
        ),
        "/memory-canvas": _script(
            "b = []; setInterval(() => { const c = document.createElement('canvas'); c.width = c.height = 8000;"
            "const g = c.getContext('2d'); g.fillRect(0, 0, 8000, 8000);"
            "b.push(c, g.getImageData(0, 0, 8000, 8000)) }, 5)"
        ),
        "/memory-webgl": _script(
            "b = []; setInterval(() => { const c = document.createElement('canvas'), g = c.getContext('webgl');"
            "if (!g) return; for (let i = 0; i < 4; i++) { const t = g.createTexture(); g.bindTexture(g.TEXTURE_2D, t);"
            "g.texImage2D(g.TEXTURE_2D, 0, g.RGBA, 4096, 4096, 0, g.RGBA, g.UNSIGNED_BYTE, null) } b.push(c) }, 5)"
        ),
        "/blobs": _script(
            "b = []; setInterval(() => { const u = new Uint8Array(64 << 20); u.fill(1); b.push(new Blob([u])) }, 5)"
        ),
        "/indexed-db": _script(
            "const q = indexedDB.open('d'); q.onupgradeneeded = () => q.result.createObjectStore('s');"
            "q.onsuccess = () => { let n = 0; setInterval(() => { const u = new Uint8Array(16 << 20); u.fill(n);"
            "q.result.transaction('s', 'readwrite').objectStore('s').put(u, n++) }, 5) }"
        ),
        "/private-files": _script(
            "(async () => { const d = await navigator.storage.getDirectory(); for (let i = 0; ; i++) {"
            "const f = await (await d.getFileHandle('f' + i, {create: true})).createWritable();"
            "const u = new Uint8Array(64 << 20); u.fill(1); await f.write(u); await f.close() } })()"
        ),
        "/cache-storage": _script(
            "(async () => { const c = await caches.open('c'); for (let i = 0; ; i++) {"
            "const u = new Uint8Array(32 << 20); u.fill(1); await c.put('/x' + i, new Response(u)) } })()"
        ),
        # bytes
        "/unpacks": _gzip,
        "/fetches-what-unpacks": _script("for (let i = 0; i < 5; i++) fetch('/gzip?' + i).then(r => r.arrayBuffer())"),
        "/eats": _script(
            "n = 0; (async () => { for (;;) { document.body.title = n; await fetch('/chunk?' + n++)"
            ".then(r => r.arrayBuffer()) } })()"
        ),
        "/eats-later": _script(
            "n = 0; setTimeout(async () => { for (;;) await fetch('/chunk?' + n++).then(r => r.arrayBuffer())"
            ".catch(() => 0) }, 400)"
        ),
        "/eats-in-a-worker": _script(
            _WORKER.format("(async () => { for (;;) await fetch('${location.origin}/chunk?' + Math.random()) })()")
        ),
        "/web-socket": _script("s = new WebSocket('ws://' + location.host + '/socket'); s.onmessage = e => 0"),
        "/uploads": _script(
            "u = new Blob([new Uint8Array(8 << 20)]); setInterval(() => { document.body.title += 1;"
            "fetch('/good', {method: 'POST', body: u}) }, 20)"
        ),
        "/cookies": _cookies,
        # what is printed and asked
        "/console-flood": _script("for (let i = 0; i < 3e5; i++) console.log(i)"),
        "/console-huge": _script("const s = 'x'.repeat(2 ** 28); for (let i = 0; i < 3; i++) console.error(s)"),
        "/console-in-workers": _script(
            f"for (let i = 0; i < 3; i++) {_WORKER.format('for (;;) console.log({a: [1]})')}"
        ),
        "/errors-huge": _script("setInterval(() => { throw new Error('x'.repeat(1e8)) }, 5)"),
        "/alerts": _script("while (true) alert('again'.repeat(1e6))"),
        "/prints": _script("addEventListener('load', () => { for (;;) print() })"),
        "/unload": _script(
            "onbeforeunload = e => { e.preventDefault(); e.returnValue = 'stay'; for (;;); };"
            "onpagehide = onunload = () => { for (;;); }"
        ),
        "/downloads": _script(
            "setInterval(() => { const a = document.createElement('a'); a.download = 'f';"
            "a.href = URL.createObjectURL(new Blob(['x'])); a.click() }, 5)"
        ),
        "/names-huge": _script(
            "for (let i = 0; i < 3; i++) { const f = document.createElement('iframe'); f.name = 'n'.repeat(1e8);"
            "f.src = '/good'; document.body.append(f) }"
        ),
        "/titles": _script(
            "let n = 0; setInterval(() => { for (let i = 0; i < 500; i++) document.title = 't'.repeat(1e5) + n++ })"
        ),
        "/data-urls": _script(
            "const u = 'data:image/png;base64,' + 'A'.repeat(6e6);"
            "setInterval(() => { new Image().src = u + Math.random() })"
        ),
        # where it goes
        "/history": _script("let n = 0; setInterval(() => history.pushState(0, '', '?' + 'x'.repeat(1e6) + n++))"),
        "/goes-on": _script("setTimeout(() => { location = '/goes-on?' + Math.random() }, 30)"),
        "/hashes": _script("let n = 0; setInterval(() => { for (let i = 0; i < 1000; i++) location.hash = n++ })"),
        "/messages": _script(
            "onmessage = e => { for (let i = 0; i < 3; i++) postMessage(e.data, '*') }; postMessage([1], '*')"
        ),
        # processor time
        "/loop": _script("for (;;);"),
        "/loop-later": _script("addEventListener('load', () => setTimeout(() => { for (;;); }, 20))"),
        "/synchronous": _script("const x = new XMLHttpRequest(); x.open('GET', '/silent', false); x.send()"),
        "/pattern": _script(
            "addEventListener('load', () => setTimeout(() => /(a+)+$/.test('a'.repeat(60) + 'b'), 20))"
        ),
        "/wasm-spin": _script(
            "const w = new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,8,1,0,10,9,1,7,0,3,64,12,0,11,11]);"
            "addEventListener('load', () => setTimeout(() => WebAssembly.instantiate(w), 20))"
        ),
        "/css-laughs": page(
            f"<style>:root {{ --v0: aaaaaaaaaa; {_LAUGHS} }} p::before {{ content: var(--v23) }}</style><p>text"
        ),
        "/css-selectors": page(
            "<style>" + ":is(" * 8 + "div div div *" + ")" * 8 + ":has(~ div :not(:empty)) { color: red }</style>"
            "<script>document.write('<div>'.repeat(400) + 'x'); setInterval(() => document.body.append("
            "document.createElement('div')), 1)</script>"
        ),
        "/svg-uses": page(f"<p>text<svg width=9000 height=9000><rect id=g0 width=9 height=9 />{_USES}</svg>"),
        "/svg-filters": page(
            "<p>text<svg width=9000 height=9000><filter id=f x=-2 y=-2 width=9 height=9>"
            + "<feGaussianBlur stdDeviation=400 /><feTurbulence numOctaves=200 />" * 40
            + "</filter><rect width=9000 height=9000 filter=url(#f) /></svg>"
        ),
        "/deep": page("<p>text</p>" + "<div>" * 30_000 + "x"),
        "/text": _script("document.body.append('word '.repeat(4e7))"),
        "/fonts": page(
            "<style>"
            + "".join(f"@font-face {{ font-family: f{n}; src: url(/chunk?{n}) }}" for n in range(100))
            + "</style>"
            + "".join(f"<p style='font-family: f{n}'>text</p>" for n in range(100))
        ),
        "/videos": page("<p>text" + "".join(f"<video autoplay src=/chunk?{n}></video>" for n in range(60))),
        "/web-rtc": _script(
            "b = []; setInterval(() => { const p = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:9'}]});"
            "p.createDataChannel('x'); p.createOffer().then(o => p.setLocalDescription(o)); b.push(p) }, 5)"
        ),
        # what it says of itself
        "/forges": page(
            "<title>t</title><p>text<script>window[Symbol.for('trapline')] = { errors: 1e300 };"
            "Object.defineProperty(Element.prototype, 'scrollHeight', { get() { return Infinity } });"
            "performance.getEntriesByType = () => [{ transferSize: -1e30, decodedBodySize: 9 }];"
            "Object.defineProperty(document, 'URL', { get() { return 'https://bank.example/' } });"
            "String.prototype.slice = () => 'F'.repeat(5e7); Array.prototype.flatMap = () => [99];"
            "Array.from = () => { for (;;); }; Promise.prototype.then = () => 0; JSON.stringify = () => '{}'</script>"
        ),
        "/stands-in": page(
            "<title>t</title><img name=title><img name=body><form name=documentElement><input name=innerText></form>"
            "<img name=querySelectorAll><img name=querySelector><img name=adoptedStyleSheets><form id=f><p>text"
            "<input name=closest><input name=contains><input name=textContent></form>"
        ),
    }
)
"""By path. Which of them are good pages all the same, and which fail, is each test's to say."""

PARTS: MappingProxyType[str, Page] = MappingProxyType(
    {
        "/chunk": _chunk,
        "/gzip": _gzip,
        "/socket": _socket,
        "/spin.js": raw(b"for (;;);", kind="text/javascript"),
        "/good-late": _late_good,
        "/good-parts": page(
            "<h1>Good page</h1>"
            + "".join(f"<iframe src='/good?{n}'></iframe>" for n in range(6))
            + "<img src=/pixel.png>"
        ),
        "/good-script": page(
            "<h1>Good page</h1><p id=n></p><script>let n = 0; for (let i = 0; i < 1e7; i++) n += i % 7;"
            "document.all.n.textContent = n; fetch('/chunk?good').then(r => r.text())</script>"
        ),
    }
)
"""What hostile pages fetch, and good pages."""

GOOD = (
    "/good?1", "/good-late?1", "/good-parts?1", "/good-script?1", "/good?2", "/good-late?2", "/good-parts?2", "/good?3",
    "/good-script?2",
)  # fmt: skip
"""Nine good pages: quick ones, slow ones, ones with frames, ones that compute and fetch. Each says "Good page"."""

ALL: MappingProxyType[str, Page] = MappingProxyType({**HOSTILE, **PARTS})
"""What ``hostile_site(more=...)`` serves of them."""

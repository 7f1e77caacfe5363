"""Every known way in which a page makes a browser go somewhere, as pages. ``@TO@`` is where it leads."""

from collections.abc import Mapping
from types import MappingProxyType

_PARTS = {
    "image": "<img src='@TO@'>",
    "srcset": "<img srcset='@TO@ 1x'>",
    "picture": "<picture><source srcset='@TO@'><img src='@TO@'></picture>",
    "image in svg": "<svg><image href='@TO@' width=9 height=9 /></svg>",
    "input": "<input type=image src='@TO@'>",
    "style sheet": "<link rel=stylesheet href='@TO@'>",
    "css import": "<style>@import url('@TO@');</style>",
    "css background": "<p style=\"background:url('@TO@')\">x",
    "css font": "<style>@font-face { font-family: f; src: url('@TO@') } p { font-family: f }</style><p>x",
    "script": "<script src='@TO@'></script>",
    "module": "<script type=module src='@TO@'></script>",
    "import": "<script>import('@TO@').catch(() => 0)</script>",
    "iframe": "<iframe src='@TO@'></iframe>",
    "object": "<object data='@TO@'></object>",
    "embed": "<embed src='@TO@'>",
    "video": "<video src='@TO@' preload=auto></video>",
    "audio": "<audio src='@TO@' preload=auto></audio>",
    "poster": "<video poster='@TO@'></video>",
    "fetch": "<script>fetch('@TO@', {mode: 'no-cors'}).catch(() => 0)</script>",
    "fetch that outlives its page": "<script>fetch('@TO@', {mode: 'no-cors', keepalive: true}).catch(() => 0)</script>",
    "xhr": "<script>x = new XMLHttpRequest(); x.open('GET', '@TO@'); x.send()</script>",
    "beacon": "<script>navigator.sendBeacon('@TO@', 'x')</script>",
    "event source": "<script>new EventSource('@TO@')</script>",
    "web socket": "<script>new WebSocket('@TO@'.replace('http', 'ws'))</script>",
    "worker": (
        "<script>new Worker(URL.createObjectURL(new Blob(["
        "\"fetch('@TO@', {mode: 'no-cors'}).catch(() => 0)\"])))</script>"
    ),
    "import in a worker": "<script>new Worker(URL.createObjectURL(new Blob([\"importScripts('@TO@')\"])))</script>",
    "web socket in a worker": (
        "<script>new Worker(URL.createObjectURL(new Blob(["
        "\"new WebSocket('@TO@'.replace('http', 'ws'))\"])))</script>"
    ),
    "preload": "<link rel=preload as=image href='@TO@'>",
    "module preload": "<link rel=modulepreload href='@TO@'>",
    "form": "<form method=post action='@TO@'></form><script>document.forms[0].submit()</script>",
    "form in a frame": (
        "<iframe name=f></iframe><form method=post action='@TO@' target=f></form><script>"
        "document.forms[0].submit()</script>"
    ),
    "ping": "<a id=a href='#x' ping='@TO@'>x</a><script>document.all.a.click()</script>",
    "meta refresh": "<meta http-equiv=refresh content='0;url=@TO@'>",
    "location": "<script>location = '@TO@'</script>",
    "location after load": (
        "<script>addEventListener('load', () => setTimeout(() => { location = '@TO@' }, 20))</script>"
    ),
    "click": "<a id=a href='@TO@'>x</a><script>document.all.a.click()</script>",
    "frame in a document of its own": "<iframe srcdoc=\"<img src='@TO@'>\"></iframe>",
    "blob document": (
        "<iframe id=f></iframe><script>f.src = URL.createObjectURL(new Blob(["
        "\"<img src='@TO@'>\"], {type: 'text/html'}))</script>"
    ),
    "filter in svg": (
        "<svg><filter id=f><feImage href='@TO@'/></filter><rect width=9 height=9 filter='url(#f)'/></svg>"
    ),
    "text track": (
        "<video src='data:,' crossorigin=anonymous><track default src='@TO@'></video><script>"
        "document.querySelector('video').textTracks[0].mode = 'showing'</script>"
    ),
    "worklet": "<script>CSS.paintWorklet.addModule('@TO@').catch(() => 0)</script>",
    "import map": (
        '<script type=importmap>{"imports": {"x": "@TO@"}}</script>'
        "<script type=module>import 'x'</script>"
    ),
    "link to print": "<link rel=stylesheet media=print href='@TO@'>",
    "background attribute": "<body background='@TO@'>x",
    "data document": "<iframe src=\"data:text/html,<img src='@TO@'>\"></iframe>",
}  # fmt: skip

_SILENT = {
    "shared worker": (
        "<script>new SharedWorker('data:text/javascript,' + encodeURIComponent("
        "\"fetch('@TO@', {mode: 'no-cors'}).catch(() => 0)\"))</script>"
    ),
    "preconnect": "<link rel=preconnect href='@TO@'>",
    "prefetch": "<link rel=prefetch href='@TO@'>",
    "name prefetch": "<link rel=dns-prefetch href='@TO@'>",
    "prerender": '<script type=speculationrules>{"prerender": [{"urls": ["@TO@"], "eagerness": "immediate"}]}</script>',
    "speculation": (
        "<script type=speculationrules>{"
        '"prefetch": [{"urls": ["@TO@"], "eagerness": "immediate"}]}</script>'
    ),
    "manifest": "<link rel=manifest href='@TO@'>",
    "favicon": "<link rel=icon href='@TO@'>",
    "window": "<script>open('@TO@')</script>",
    "service worker": "<script>navigator.serviceWorker.register('/say?fetch(%22@TO@%22)').catch(() => 0)</script>",
    "web rtc, STUN": (
        "<script>p = new RTCPeerConnection({iceServers: [{urls: 'stun:@HOST@'}]}); "
        "p.createDataChannel('x'); p.createOffer().then(o => p.setLocalDescription(o))</script>"
    ),
    "web rtc, TURN": (
        "<script>p = new RTCPeerConnection({iceServers: ["
        "{urls: 'turn:@HOST@?transport=udp', username: 'x', credential: 'y'}]}); "
        "p.createDataChannel('x'); p.createOffer().then(o => p.setLocalDescription(o))</script>"
    ),
    "web rtc, TURN over TCP": (
        "<script>p = new RTCPeerConnection({iceServers: ["
        "{urls: 'turn:@HOST@?transport=tcp', username: 'x', credential: 'y'}]}); "
        "p.createDataChannel('x'); p.createOffer().then(o => p.setLocalDescription(o))</script>"
    ),
    "web transport": "<script>new WebTransport('@TO@'.replace('http:', 'https:'))</script>",
    "FedCM": (
        "<script>navigator.credentials.get({identity: {providers: [{configURL: '@TO@', clientId: 'x'}]}})"
        ".catch(() => 0)</script>"
    ),
    "payment handler": (
        "<script>try { new PaymentRequest([{supportedMethods: '@TO@'.replace('http:', 'https:')}], "
        "{total: {label: 'x', amount: {currency: 'EUR', value: '1'}}}).canMakePayment().catch(() => 0) } catch (e) {}"
        "</script>"
    ),
    "attribution": "<img attributionsrc='@TO@'><script>fetch('/', {attributionReporting: {}}).catch(() => 0)</script>",
    "PAC": "<link rel='proxy-autoconfig' href='/pac?@TO@'><iframe src='/pac?@TO@'></iframe>",
}  # fmt: skip

LOUD: Mapping[str, str] = MappingProxyType(_PARTS)
"""Ways that do lead where they are pointed, when the gate lets them."""
SILENT: Mapping[str, str] = MappingProxyType(_SILENT)
"""Ways that this browser need not take at all, as it is started."""

HEADERS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "redirect 301": ("301 Moved Permanently", "Location: @TO@"),
    "redirect 302": ("302 Found", "Location: @TO@"),
    "redirect 303": ("303 See Other", "Location: @TO@"),
    "redirect 307": ("307 Temporary Redirect", "Location: @TO@"),
    "redirect 308": ("308 Permanent Redirect", "Location: @TO@"),
    "refresh header": ("200 OK", "Refresh: 0;url=@TO@"),
    "link header": ("200 OK", "Link: <@TO@>; rel=preload; as=image"),
    "report of a policy": ("200 OK", "Content-Security-Policy: default-src 'none'; report-uri @TO@"),
})  # fmt: skip
"""Ways that need no page: the answer's own status and header."""

SILENT_HEADERS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "alternative service, HTTP/2": ("200 OK", 'Alt-Svc: h2="@HOST@"; ma=99; persist=1'),
    "alternative service, HTTP/3": ("200 OK", 'Alt-Svc: h3="@HOST@", h3-29="@HOST@"; ma=99'),
    "reporting endpoint": (
        "200 OK",
        "Reporting-Endpoints: default=\"@TO@\"\r\nContent-Security-Policy: default-src 'none'; report-to default",
    ),
    "network error log": (
        "200 OK",
        (
            'Report-To: {"group": "g", "max_age": 99, "endpoints": [{"url": "@TO@"}]}\r\n'
            'NEL: {"report_to": "g", "max_age": 99, "success_fraction": 1}'
        ),
    ),
    "speculation header": ("200 OK", 'Speculation-Rules: "@TO@"'),
    "preconnect header": ("200 OK", "Link: <@TO@>; rel=preconnect, <@TO@>; rel=dns-prefetch"),
    "SOCKS by header": ("305 Use Proxy", "Location: @TO@"),
})  # fmt: skip
"""The same, for what this browser need not do."""

FORMS: Mapping[str, str] = MappingProxyType({
    "literal": "http://127.0.0.9:@PORT@/",
    "decimal": "http://2130706441:@PORT@/",
    "octal": "http://0177.0.0.011:@PORT@/",
    "hexadecimal": "http://0x7f.0x0.0x0.0x9:@PORT@/",
    "one hexadecimal number": "http://0x7f000009:@PORT@/",
    "short": "http://127.9:@PORT@/",
    "final dot": "http://127.0.0.9.:@PORT@/",
    "full-width digits": "http://\uff11\uff12\uff17.0.0.\uff19:@PORT@/",
    "ideographic dots": "http://127\u30020\u30020\u30029:@PORT@/",
    "escaped": "http://%31%32%37.0.0.9:@PORT@/",
    "IPv6": "http://[::1]:@PORT@/",
    "IPv6 in full": "http://[0:0:0:0:0:0:0:1]:@PORT@/",
    "IPv4-mapped": "http://[::ffff:127.0.0.9]:@PORT@/",
    "IPv4-mapped, hexadecimal": "http://[::ffff:7f00:9]:@PORT@/",
    "IPv4-compatible": "http://[::127.0.0.9]:@PORT@/",
    "NAT64": "http://[64:ff9b::127.0.0.9]:@PORT@/",
    "6to4": "http://[2002:7f00:9::1]:@PORT@/",
    "NAT64, local prefix": "http://[64:ff9b:1:7f00:0:900::]:@PORT@/",
    "SIIT": "http://[::ffff:0:127.0.0.9]:@PORT@/",
    "ISATAP": "http://[fe80::5efe:127.0.0.9]:@PORT@/",
    "ISATAP, public": "http://[2606:4700::200:5efe:7f00:9]:@PORT@/",
    "Teredo": "http://[2001:0:7f00:9::]:@PORT@/",
    "one octal number": "http://017700000011:@PORT@/",
    "two numbers": "http://0x7f.9:@PORT@/",
    "circled digits": "http://\u2460\u2461\u2466.0.0.\u2468:@PORT@/",
    "half-width dots": "http://127\uff610\uff610\uff619:@PORT@/",
    "unspecified": "http://0.0.0.0:@PORT@/",
    "unspecified, IPv6": "http://[::]:@PORT@/",
    "user information": "http://127.0.0.1@127.0.0.9:@PORT@/",
    "user and password": "http://127.0.0.1:80@127.0.0.9:@PORT@/",
    "escaped at sign": "http://127.0.0.1%40@127.0.0.9:@PORT@/",
    "backslash": "http:\\\\\\\\127.0.0.9:@PORT@\\\\",
    "backslash before the at sign": "http://127.0.0.9:@PORT@\\\\@127.0.0.1/",
    "one slash": "https:/127.0.0.9:@PORT@/",
    "protocol-relative": "//127.0.0.9:@PORT@/",
    "tab within": "ht\\ttp://127.0.\\n0.9:@PORT@/",
    "upper case": "HTTP://127.0.0.9:@PORT@/",
    "https": "https://127.0.0.9:@PORT@/",
    "a name": "http://private.test:@PORT@/",
    "a name in upper case": "http://PRIVATE.TEST.:@PORT@/",
    "a name of IPv6": "http://six.test:@PORT@/",
    "a name of mapped IPv4": "http://mapped.test:@PORT@/",
    "localhost": "http://localhost:@PORT@/",
    "below localhost": "http://x.localhost:@PORT@/",
})  # fmt: skip
"""Ways to write an address, as the inside of a JavaScript string."""

SCHEMES: Mapping[str, str] = MappingProxyType({
    "file": "file:///etc/passwd",
    "file with a host": "file://localhost/etc/passwd",
    "view-source": "view-source:http://127.0.0.9:@PORT@/",
    "view-source of a file": "view-source:file:///etc/passwd",
    "chrome": "chrome://version/",
    "chrome: network": "chrome://net-internals/#sockets",
    "devtools": "devtools://devtools/bundled/inspector.html",
    "data": "data:text/html,<img src=http://127.0.0.9:@PORT@/>",
    "ftp": "ftp://127.0.0.9:@PORT@/",
    "file system": "filesystem:http://127.0.0.9:@PORT@/temporary/x",
    "javascript": "javascript:fetch('http://127.0.0.9:@PORT@/', {mode: 'no-cors'})",
    "gopher": "gopher://127.0.0.9:@PORT@/",
})  # fmt: skip
"""Where a page may not send the browser at all."""

"""A web page of elsewhere, and what it can make a browser send."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["TRIES", "ForeignPage"]

PUBLISH = '{"topic": "t", "publisher": "p", "events": [{"specversion": "1.0", "id": "1", "source": "/a", "type": "x"}]}'

#: {kind of request: JavaScript that sends it to `at`, and returns a promise of its end}. `poll` is a long poll
TRIES = {
    "JSON by fetch": "fetch(at + 'publish', {method: 'POST', headers: {'Content-Type': 'application/json'}, body})",
    "text by fetch, answer unseen": "fetch(at + 'publish', {method: 'POST', mode: 'no-cors', body})",
    "JSON with credentials": (
        "fetch(at + 'publish', {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json'}, body})"
    ),
    "a beacon": "navigator.sendBeacon(at + 'publish', new Blob([body], {type: 'text/plain'}))",
    "a form in a frame": """(() => {
        const form = document.createElement('form');
        Object.assign(form, {method: 'POST', enctype: 'text/plain', action: at + 'publish', target: 'hidden'});
        form.innerHTML = '<input name=a>';
        form.firstChild.name = body;
        return framed('about:blank', () => form.submit(), form);
    })()""",
    "a deletion": "fetch(at + 'register?subscriber=s', {method: 'DELETE'})",
    "a poll by fetch": "fetch(poll)",
    "a poll by fetch, answer unseen": "fetch(poll, {mode: 'no-cors'})",
    "a poll as an image": "loaded(Object.assign(new Image(), {src: poll}))",
    "a poll as a script": "loaded(Object.assign(document.createElement('script'), {src: poll}))",
    "a poll as a style sheet": "loaded(Object.assign(document.createElement('link'), {rel: 'stylesheet', href: poll}))",
    "a poll as a prefetch": "loaded(Object.assign(document.createElement('link'), {rel: 'prefetch', href: poll}))",
    "a poll as a video": "loaded(Object.assign(document.createElement('video'), {src: poll}))",
    "a poll as an object": "loaded(Object.assign(document.createElement('object'), {data: poll}))",
    "a poll in a frame": "framed(poll)",
    "the console in a frame": "framed(at)",
    "events of the server": "new Promise((over) => { new EventSource(poll).onerror = over; })",
    "a socket": "new Promise((over) => { new WebSocket(poll.replace('http', 'ws')).onclose = over; })",
    "a module": "import(poll)",
    "a worker": "new Promise((over) => { over(new Worker(poll)); })",
}

_PAGE = """<!doctype html><title>elsewhere</title><body><script>
function loaded(element) {
    return new Promise((over) => {
        for (const event of ['load', 'error', 'loadeddata']) element.addEventListener(event, over);
        document.body.append(element);
    });
}
function framed(url, then, ...more) {
    const frame = Object.assign(document.createElement('iframe'), {name: 'hidden'});
    return new Promise((over) => {
        frame.onload = () => { if (then) { frame.onload = over; then(); } else over(); };
        frame.src = url;
        document.body.append(...more, frame);
    });
}
async function attempt(kind, at, body) {
    const poll = at + 'get_events?topic=t&wait_s=20&max_events=1';
    try { await tries[kind](at, poll, body); } catch { /* refused */ }
}
const tries = {TRIES};
const target = new URLSearchParams(location.search).get('go');
if (target) location.href = target;
</script>"""


class ForeignPage:
    """Serves the page on a port of its own, from construction until `close`."""

    def __init__(self) -> None:
        functions = ", ".join(f"{kind!r}: async (at, poll, body) => {code}" for kind, code in TRIES.items())
        content = _PAGE.replace("{TRIES}", "{" + functions + "}").encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""The receiver with its worker in the same process: python flask_one_process.py 8001"""

from __future__ import annotations

import logging
import signal
import sys

from flask_receiver import app, web
from waitress import create_server

logging.basicConfig(level=logging.INFO)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the lines after the server's end are reached
worker = app.worker(concurrency=2)
worker.start()
server = create_server(web, host="127.0.0.1", port=int(sys.argv[1]))
print(f"listening at http://127.0.0.1:{server.effective_port}", flush=True)
try:
    server.run()
finally:
    worker.stop()
    worker.join(30)

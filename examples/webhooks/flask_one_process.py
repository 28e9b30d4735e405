"""The receiver with its worker in the same process: python flask_one_process.py 8001"""

from __future__ import annotations

import sys

from flask_receiver import app, web
from waitress import create_server

worker = app.worker(concurrency=2)
worker.start()
server = create_server(web, host="127.0.0.1", port=int(sys.argv[1]))
try:
    server.run()
finally:
    worker.stop()
    worker.join(30)

"""A UDP server as PyExpLabSys has one (socketserver, one thread), with an answer that is made beforehand.

PyExpLabSys itself is not needed; its own server does more for each question.
"""

import json
import socketserver

ANSWER = json.dumps({"temperature": [1795260229.124673, 21.5], "setpoint": [1795260229.124673, 300.0]}).encode("ascii")


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        request, sock = self.request
        if request.decode("ascii") == "json_wn":
            sock.sendto(ANSWER, self.client_address)


with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
    print(json.dumps({"udp": server.server_address[1]}), flush=True)
    server.serve_forever(poll_interval=10)

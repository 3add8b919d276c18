# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer every TCP connection to port 7777 with one line: the address it was seen to come from."""

from __future__ import annotations

import socket
import socketserver

PORT = 7777


class SeenAs(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        address = self.client_address[0].removeprefix("::ffff:")
        self.request.sendall(f"{address}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    Server(("::", PORT), SeenAs).serve_forever()

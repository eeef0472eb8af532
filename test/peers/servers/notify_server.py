"""What systemd listens on: prints each datagram as a line of JSON, and gives back what came with it, as a barrier waits for that."""
import array
import json
import os
import socket
import sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print("ready", flush=True)
while True:
    data, ancillary, _flags, _address = server.recvmsg(4096, socket.CMSG_SPACE(64))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors = array.array("i", content[: len(content) - len(content) % 4])
            for descriptor in descriptors:
                os.close(descriptor)
    print(json.dumps(data.decode()), flush=True)

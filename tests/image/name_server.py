"""A name server that knows one name: by-name.test is 127.0.0.1 (RFC 1035)."""

import socket
import struct

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    query, client = server.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    known = question.lower().startswith(b"\x07by-name\x04test\0") and question[-4:-2] == b"\0\x01"
    code = 0 if b"by-name" in question.lower() else 3
    head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, known, 0, 0)
    answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01" if known else b""
    server.sendto(head + question + answer, client)

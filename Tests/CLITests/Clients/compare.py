"""Sends the same bytes to a real Redis and to the server, and compares what comes back, byte for byte, but for one error.

usage: compare.py REDIS_PORT PORT
"""
import re
import socket
import sys

END = b"*2\r\n$4\r\nECHO\r\n$8\r\nsentinel\r\n"
MARK = b"$8\r\nsentinel\r\n"


def encoded(*words):
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        word = word.encode() if isinstance(word, str) else word
        parts.append(f"${len(word)}\r\n".encode() + word + b"\r\n")
    return b"".join(parts)


# Each a list of pieces, sent one after the other.
CASES = {
    "ping": [encoded("PING")],
    "ping with a message": [encoded("PING", "hi")],
    "ping with too much": [encoded("PING", "a", "b")],
    "echo": [encoded("ECHO", "hello")],
    "echo with nothing": [encoded("ECHO")],
    "echo with too much": [encoded("ECHO", "a", "b")],
    "any case": [encoded("eChO", "x")],
    "empty argument": [encoded("ECHO", "")],
    "line breaks inside": [encoded("ECHO", "a\r\nb")],
    "bytes that are no text in a name": [encoded("NOSUCH")],
    "unknown command": [encoded("NOSUCHCOMMAND", "a", "b")],
    "unknown command without arguments": [encoded("NOSUCHCOMMAND")],
    "wrong count": [encoded("SELECT")],
    "select 0": [encoded("SELECT", "0")],
    "select no number": [encoded("SELECT", "x")],
    "empty array": [b"*0\r\n"],
    "negative array": [b"*-1\r\n"],
    "empty line": [b"\r\n"],
    "inline": [b"PING\r\n"],
    "inline without CR": [b"PING\n"],
    "inline with spaces": [b"  ECHO   hi  \r\n"],
    "inline with quotes": [b'ECHO "a b\\x41\\n\\"q"\r\n'],
    "inline with single quotes": [b"ECHO 'it\\'s'\r\n"],
    "inline unbalanced": [b'ECHO "a\r\n'],
    "inline junk after a quote": [b'ECHO "a"b\r\n'],
    "no number of arguments": [b"*x\r\n"],
    "no bulk": [b"*1\r\n+PING\r\n"],
    "nested": [b"*1\r\n*1\r\n$4\r\nPING\r\n"],
    "no length": [b"*1\r\n$x\r\n"],
    "negative length": [b"*1\r\n$-1\r\n"],
    "half-sent": [b"*2\r\n$4\r\nEC", b"HO\r\n$2\r\n", b"h", b"i\r\n"],
    "byte by byte": [bytes([byte]) for byte in encoded("ECHO", "slow")],
    "pipeline": [encoded("PING") * 5_000 + encoded("NOSUCH") + encoded("ECHO", "last")],
    "big reply": [encoded("ECHO", "x" * 60_000)],
    "big replies": [encoded("ECHO", "y" * 30_000) * 50],
    "hello with a bad version": [encoded("HELLO", "9")],
    "hello with no version": [encoded("HELLO", "x")],
    "quit": [encoded("QUIT")],
    "reset": [encoded("RESET")],
    "client setname": [encoded("CLIENT", "SETNAME", "me") + encoded("CLIENT", "GETNAME")],
    "client setname with a space": [encoded("CLIENT", "SETNAME", "a b")],
    "client getname without one": [encoded("CLIENT", "GETNAME")],
    "client no-evict": [encoded("CLIENT", "NO-EVICT", "on")],
    "config get save": [encoded("CONFIG", "GET", "save")],
    "config get nothing": [encoded("CONFIG", "GET", "nosuchparameter")],
    "slowlog len": [encoded("SLOWLOG", "RESET") + encoded("SLOWLOG", "LEN")],
    "command info of nothing": [encoded("COMMAND", "INFO", "nosuch")],
    "command getkeys with too little": [encoded("COMMAND", "GETKEYS", "nosuch")],
    "command getkeys of nothing": [encoded("COMMAND", "GETKEYS", "nosuch", "a", "b")],
}


def answer(port, pieces):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        try:
            for piece in pieces:
                wire.sendall(piece)
            wire.sendall(END)
        except OSError:
            pass
        try:
            while not received.endswith(MARK):
                more = wire.recv(65_536)
                if not more:
                    return received + b"<closed>"
                received += more
        except ConnectionResetError:
            return received + b"<closed>"
        return received


def compared(received):
    """Without the arguments of an unknown command: Redis repeats them, and the server does not, for they may be a token."""
    return re.sub(rb"(-ERR unknown command '[^']*'), with args beginning with: [^\r]*", rb"\1", received)


failed = 0
for name, pieces in CASES.items():
    real, ours = answer(int(sys.argv[1]), pieces), answer(int(sys.argv[2]), pieces)
    if compared(real) != ours:
        failed += 1
        print(f"{name}:\n  redis {real[:200]!r}\n  ours  {ours[:200]!r}")
print(f"{len(CASES) - failed} of {len(CASES)} alike")
sys.exit(1 if failed else 0)

"""The servers that are measured: each is started on loopback with its own files, and stopped."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

ORGANIZATION = "8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process that is there once its port takes connections; `files` go with it."""

    def __init__(self, words, port, log, files=None):
        self.port, self.files = port, files
        with open(log, "w") as output:
            self.process = subprocess.Popen(words, stdout=output, stderr=output)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.stop()
        raise SystemExit(f"{words[0]} does not start; see {log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        if self.files:
            shutil.rmtree(self.files, ignore_errors=True)

    def ask(self, *words):
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, check=True).stdout

    def information(self, section):
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def settle(self):
        """Waits until the vault has sorted in who was created last, and written its file back."""
        while any(int(self.information("vault")[name]) for name in ("vault_entries_buffered", "vault_log_bytes")):
            time.sleep(0.1)

    def kilobytes(self, name):
        """A line of the process' status, such as RssAnon."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))


def vault(binary, directory, people):
    """A copy of the vault of so many people, which is made where it is not there yet."""
    path = f"{directory}/{people}.vault"
    if not os.path.exists(path):
        rows, new = f"{directory}/people.csv", f"{directory}/new.vault"
        with open(rows, "w") as file:
            file.write("id,email,phone\n")
            for n in range(people):
                file.write(f"{n},person{n:012d}@mail.example.com,+346{n % 100_000_000:08d}\n")
        for words in (["init"], ["import", "--kind", "lead", rows]):
            subprocess.run(
                [binary, *words, "--db", new, "--org", ORGANIZATION], check=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        os.remove(rows)
        os.rename(new, path)
    # The measurements write, so each works on a copy.
    copy = f"{directory}/measured.vault"
    shutil.copyfile(path, copy)
    return copy


def serve(binary, path, threads, cache=None):
    """A server over a vault; several may share one."""
    port = free_port()
    words = [binary, "serve", "--db", path, "--port", str(port), "--no-http"]
    if threads:
        words += ["--threads", str(threads)]
    if cache:
        words += ["--cache", cache]
    return Server(words, port, f"{path}.log")


# Finds by email, then by phone, and creates otherwise: a key for each of the two, and a hash for the person.
SCRIPT = """
    local id = redis.call('GET', KEYS[1]) or redis.call('GET', KEYS[2])
    if id then return {'matched', id} end
    redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], ARGV[1])
    redis.call('HSET', KEYS[3], 'email', KEYS[1], 'phone', KEYS[2], 'source', ARGV[2])
    return {'created', ARGV[1]}
"""


def strings(n):
    """A key of the same length as a person's email, with an id."""
    return [("SET", f"person{n:012d}@mail.example.com", f"0198c0de-0000-7000-8000-{n:012d}")]


def identities(n):
    """A person as the script would have created it."""
    email, phone, id = f"e:person{n:012d}@mail.example.com", f"p:+346{n:08d}", f"0198c0de-0000-7000-8000-{n:012d}"
    return [("MSET", email, id, phone, id), ("HSET", f"i:{id}", "email", email, "phone", phone, "source", "web")]


def redis(directory, people=0, of=strings, *, synced=False):
    """redis-server, with what `of` says for each person; `synced` has it flush each write before it answers."""
    port = free_port()
    files = f"{directory}/redis-{port}"
    os.mkdir(files)
    durability = ["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"]
    server = Server(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", files]
        + (durability if synced else ["--appendonly", "no"]), port, f"{directory}/redis.log", files)
    loader = subprocess.Popen(
        ["redis-cli", "-p", str(port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for n in range(people):
        for words in of(n):
            text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            loader.stdin.write(text.encode())
    loader.stdin.close()
    loader.wait()
    return server


class Postgres:
    """A cluster of its own, on a socket in its own directory, with its default durability and room in memory."""

    SCHEMA = """
        CREATE TABLE identities (
            id uuid PRIMARY KEY, organization uuid NOT NULL, email text, phone text,
            name text, source text, created_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (organization, email), UNIQUE (organization, phone));
        INSERT INTO identities (id, organization, email, phone)
            SELECT ('0198c0de-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '{organization}',
                'person' || lpad(n::text, 12, '0') || '@mail.example.com', '+346' || lpad(n::text, 8, '0')
            FROM generate_series(0, {people} - 1) n;
        VACUUM ANALYZE;
        CHECKPOINT;
    """
    SETTINGS = "-c shared_buffers=1GB -c max_wal_size=8GB -c listen_addresses='' -c max_connections=120"

    def __init__(self, directory, people):
        self.binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.files = f"{directory}/postgres"
        shutil.rmtree(self.files, ignore_errors=True)
        os.mkdir(self.files)
        # PostgreSQL does not run as root.
        self.as_owner = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.files, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["runuser", "-u", "postgres", "--"]
        self.run("initdb", "-D", f"{self.files}/data", "--no-locale", "-E", "UTF8", "-A", "trust")
        self.run(
            "pg_ctl", "-D", f"{self.files}/data", "-w", "-l", f"{self.files}/log", "-o",
            f"{self.SETTINGS} -k {self.files}", "start")
        self.run(
            "psql", "-h", self.files, "-d", "postgres", "-q",
            *(f"-c{part}" for part in self.SCHEMA.format(organization=ORGANIZATION, people=people).split(";")[:-1]))

    def run(self, program, *words):
        return subprocess.run(
            [*self.as_owner, f"{self.binaries}/{program}", *words], check=True, capture_output=True, text=True,
            cwd=self.files).stdout

    def count(self):
        return int(self.run("psql", "-h", self.files, "-d", "postgres", "-tAc", "SELECT count(*) FROM identities"))

    @property
    def version(self):
        return self.run("postgres", "--version").split()[2]

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.files}/data", "-w", "-m", "fast", "stop")
        shutil.rmtree(self.files)

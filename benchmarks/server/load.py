"""What is sent: redis-benchmark for hits, respload for creates and for hits at a given rate, pgbench for PostgreSQL."""
import glob
import os
import statistics
import subprocess
from dataclasses import dataclass

from peers import ORGANIZATION

CONNECTIONS = 50
EMAIL = "person__rand_int__@mail.example.com"


@dataclass
class Result:
    """Requests a second, and the 99th percentile in milliseconds."""

    rate: float
    p99: float

    @staticmethod
    def median(results):
        return Result(statistics.median(r.rate for r in results), statistics.median(r.p99 for r in results))


def hits(port, people, requests, pipeline, *words):
    lines = subprocess.run(
        ["redis-benchmark", "-p", str(port), "-c", str(CONNECTIONS), "-n", str(requests), "-r", str(people), "-P",
         str(pipeline), "--csv", *words], capture_output=True, text=True, check=True).stdout.splitlines()
    fields = [field.strip('"') for field in lines[-1].split('","')]
    return Result(float(fields[1]), float(fields[6]))


class Load:
    """respload, running or done. Every run of it brings people that no run has brought before.

    `finds` says what its answers must tell: True where everybody is known, False where nobody is, None for anything.
    """

    number = 10_000_000

    def __init__(self, program, port, seconds, *words, rate=0, connections=CONNECTIONS, finds=None):
        self.finds = finds
        self.process = subprocess.Popen(
            [program, str(port), str(connections), str(seconds), str(rate), str(Load.number), *words],
            stdout=subprocess.PIPE, text=True)
        Load.number += 2_000_000

    def result(self):
        output = self.process.communicate()[0]
        if self.process.returncode:
            raise SystemExit("respload failed")
        rate, _, p99, created, errors, nothing, answers = map(float, output.split())
        if errors or self.finds is True and created + nothing or self.finds is False and created != answers:
            raise SystemExit(f"respload was answered otherwise than expected: {output}")
        return Result(rate, p99)


def known(people):
    """Email and phone of somebody who is there: respload puts as many digits as all of them have."""
    digits = len(str(people)) - 1
    return (f"person{'0' * (12 - digits)}{{~{digits}}}@mail.example.com", f"+346{'0' * (8 - digits)}{{~{digits}}}")


# The phones are above those of the people who are there.
NEW = ("new{~12}@mail.example.org", "+346{~8}")


def resolve(email, phone):
    return ["RESOLVE", ORGANIZATION, "EMAIL", email, "PHONE", phone, "SOURCE", "web"]


def script(sha, email, phone, id="0198c0de-0000-7000-8000-{12}"):
    """The same of Redis, by its script that finds or creates."""
    return ["EVALSHA", sha, "3", f"e:{email}", f"p:{phone}", f"i:{id}", id, "web"]


def creates(program, port, seconds):
    """New people with an email and a phone each."""
    return Load(program, port, seconds, *resolve(*NEW), finds=False)


def sets(program, port, seconds):
    return Load(program, port, seconds, "SET", NEW[0], "0198c0de-0000-7000-8000-{12}")


def scripted(program, port, seconds, sha):
    return Load(program, port, seconds, *script(sha, *NEW), finds=False)


def inserts(postgres, seconds):
    """As `creates`, with what a careful application would send to PostgreSQL."""
    script = f"{postgres.files}/insert.sql"
    with open(script, "w") as file:
        file.write(
            "\\set n random(1, 1000000000000)\n\\set m random(1, 1000000000000)\n"
            "INSERT INTO identities (organization, email, phone, source) VALUES "
            f"('{ORGANIZATION}', 'new' || :n || '@mail.example.org', '+346' || :m, 'web') "
            "ON CONFLICT DO NOTHING RETURNING id;\n")
    os.chmod(script, 0o644)
    output = postgres.run(
        "pgbench", "-h", postgres.files, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T",
        str(seconds), "-f", script, "-l", "--log-prefix", f"{postgres.files}/each", "postgres")
    rate = next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps"))
    times = []
    for path in glob.glob(f"{postgres.files}/each.*"):
        with open(path) as file:
            times += [int(line.split()[2]) for line in file]
        os.remove(path)
    return Result(rate, sorted(times)[len(times) * 99 // 100] / 1_000)

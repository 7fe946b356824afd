"""What is sent: redis-benchmark for hits, respload for creates and for hits at a given rate, pgbench for PostgreSQL."""
import glob
import itertools
import os
import random
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
    """respload, running or done; its people are numbered from `first` on, or from anywhere.

    `finds` says what its answers must tell: True where everybody is known, False where nobody is, None for anything.
    """

    def __init__(self, program, port, seconds, *words, rate=0, connections=CONNECTIONS, finds=None, first=None):
        self.finds = finds
        if first is None:
            first = random.randrange(1 << 40)
        self.process = subprocess.Popen(
            [program, str(port), str(connections), str(seconds), str(rate), str(first), *words],
            stdout=subprocess.PIPE, text=True)

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


def check(program, port, people, *words):
    """What redis-benchmark does not look at: that each such command, for a moment, tells of somebody who is there."""
    known_email = known(people)[0]
    Load(program, port, 0.1, *(word.replace(EMAIL, known_email) for word in words), finds=True).result()


# So many people are more than a run creates.
NEWCOMERS = itertools.count(10_000_000, 2_000_000)
# The phones are above those of the people who are there.
NEW = ("new{~12}@mail.example.org", "+346{~8}")


def resolve(email, phone):
    return ["RESOLVE", ORGANIZATION, "EMAIL", email, "PHONE", phone, "SOURCE", "web"]


def script(sha, email, phone, id="0198c0de-0000-7000-8000-{12}"):
    """The same of Redis, by its script that finds or creates."""
    return ["EVALSHA", sha, "3", f"e:{email}", f"p:{phone}", f"i:{id}", id, "web"]


def creates(program, port, seconds, first):
    """New people with an email and a phone each."""
    return Load(program, port, seconds, *resolve(*NEW), finds=False, first=first)


def sets(program, port, seconds, first):
    return Load(program, port, seconds, "SET", NEW[0], "0198c0de-0000-7000-8000-{12}", first=first)


def scripted(program, port, seconds, first, sha):
    return Load(program, port, seconds, *script(sha, *NEW), finds=False, first=first)


def inserts(postgres, seconds, first):
    """As `creates`, with what a careful application would send to PostgreSQL: the same people, and ids that ascend."""
    script = f"{postgres.files}/insert.sql"
    with open(script, "w") as file:
        file.write(
            f"\\set number {first} + :turn * {CONNECTIONS} + :client_id\n\\set turn :turn + 1\n"
            + "".join(
                f"\\set {name} {10 ** digits // 100} + :number * 2654435761 % {10 ** digits - 10 ** digits // 100}\n"
                for name, digits in (("email", 12), ("phone", 8)))
            + "INSERT INTO identities (id, organization, email, phone, source) VALUES "
            f"(('0198c0de-0000-7000-8000-' || lpad(:number, 12, '0'))::uuid, '{ORGANIZATION}', "
            "'new' || lpad(:email, 12, '0') || '@mail.example.org', '+346' || lpad(:phone, 8, '0'), 'web') "
            "ON CONFLICT DO NOTHING RETURNING id;\n")
    os.chmod(script, 0o644)
    before = postgres.count()
    output = postgres.run(
        "pgbench", "-h", postgres.files, "-n", "-M", "prepared", "-D", "turn=0", "-c", str(CONNECTIONS), "-j", "2",
        "-T", str(seconds), "-f", script, "-l", "--log-prefix", f"{postgres.files}/each", "postgres")
    rate = next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps"))
    done = next(int(line.split()[-1]) for line in output.splitlines() if "actually processed" in line)
    if postgres.count() - before != done:
        raise SystemExit(f"PostgreSQL has {postgres.count() - before} new people of {done}")
    times = []
    for path in glob.glob(f"{postgres.files}/each.*"):
        with open(path) as file:
            times += [int(line.split()[2]) for line in file]
        os.remove(path)
    return Result(rate, sorted(times)[len(times) * 99 // 100] / 1_000)

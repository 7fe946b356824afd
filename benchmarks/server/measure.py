"""Measures the server beside Redis and PostgreSQL, the sides taking turns, and prints tables of medians.

usage: measure.py --vaultdb PATH --respload PATH --directory DIRECTORY [--people N] [--requests N] [--rounds N]
                  [--seconds N] [--threads N] [--only hits,resolves,creates,both,memory]
"""
import argparse
import glob
import os
import random
import socket

import load
import peers
from load import EMAIL, Load, Result
from peers import ORGANIZATION

PARTS = ["hits", "resolves", "creates", "both", "memory"]


def options():
    parser = argparse.ArgumentParser()
    for name in ("vaultdb", "respload", "directory"):
        parser.add_argument(f"--{name}", required=True)
    for name, default in (
            ("people", 1_000_000), ("requests", 200_000), ("rounds", 5), ("seconds", 5), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", default=",".join(PARTS))
    return parser.parse_args()


def table(*head):
    print("\n| " + " | ".join(head) + " |\n| --- |" + " ---: |" * (len(head) - 1))


def turns(title, servers, given, ours, theirs):
    """A row for each of our servers, which are told by their event loops and cache. `ours` measures one of them."""
    results, others = {name: [] for name in servers}, []
    for _ in range(given.rounds):
        for name, server in servers.items():
            results[name].append(ours(server))
        others.append(theirs())
    b = Result.median(others)
    for name in servers:
        a = Result.median(results[name])
        print(f"| {title} | {name} | {a.rate:,.0f} | {b.rate:,.0f} | {a.rate / b.rate:.2f} | {a.p99:.3f} | {b.p99:.3f} |",
              flush=True)


def at_random(server, given, pipeline, *words):
    """redis-benchmark, which puts people at random; whether they are found is looked at before."""
    load.check(given.respload, server.port, given.people, *words)
    return load.hits(server.port, given.people, given.requests * (4 if pipeline > 1 else 1), pipeline, *words)


def pipelined(title, pipeline):
    return title + (f", pipeline {pipeline}" if pipeline > 1 else "")


def hits(servers, given):
    """Lookups of people at random, and GET of keys at random."""
    redis = peers.redis(given.directory, given.people)
    try:
        print(f"Redis is {redis.information('server')['redis_version']}, driven by the same redis-benchmark.")
        table("", "event loops, cache", "VaultDB, requests/s", "Redis GET, requests/s", "ratio", "p99 ms", "Redis p99 ms")
        for command, name in (("FIND", "FIND by email"), ("RESOLVE", "RESOLVE, known email")):
            for pipeline in (1, 16):
                turns(
                    pipelined(name, pipeline), servers, given,
                    lambda server: at_random(server, given, pipeline, command, ORGANIZATION, "EMAIL", EMAIL),
                    lambda: at_random(redis, given, pipeline, "GET", EMAIL))
    finally:
        redis.stop()


def resolves(servers, given):
    """Resolves of known people, and a script of Redis' that finds by email, then by phone, and would create."""
    redis = peers.redis(given.directory, given.people, peers.identities)
    try:
        sha = redis.ask("SCRIPT", "LOAD", peers.SCRIPT).strip()
        table("RESOLVE, known people", "event loops, cache", "VaultDB, requests/s", "Redis script, requests/s", "ratio", "p99 ms",
              "Redis p99 ms")
        for pipeline in (1, 16):
            turns(
                pipelined("by email", pipeline), servers, given,
                lambda server: at_random(server, given, pipeline, "RESOLVE", ORGANIZATION, "EMAIL", EMAIL),
                lambda: at_random(redis, given, pipeline, *load.script(sha, EMAIL, "nobody", "unused")))
        # redis-benchmark can't give an email and a phone of the same person.
        person = load.known(given.people)

        def both_of_one(server, words):
            return Load(given.respload, server.port, given.seconds, *words, finds=True).result()

        turns(
            "by email and phone", servers, given, lambda server: both_of_one(server, load.resolve(*person)),
            lambda: both_of_one(redis, load.script(sha, *person)))
    finally:
        redis.stop()


def creates(vault, given):
    """New people, each on the disk before it is acknowledged."""
    redis, postgres = peers.redis(given.directory, synced=True), None
    # So long that the vault is sorting in what it gathered at first.
    seconds = 4 * given.seconds
    try:
        postgres = peers.Postgres(given.directory, given.people)
        sha = redis.ask("SCRIPT", "LOAD", peers.SCRIPT).strip()
        measures = {
            "VaultDB": lambda first: load.creates(given.respload, vault.port, seconds, first).result(),
            "Redis": lambda first: load.sets(given.respload, redis.port, seconds, first).result(),
            "script": lambda first: load.scripted(given.respload, redis.port, seconds, first, sha).result(),
            "PostgreSQL": lambda first: load.inserts(postgres, seconds, first),
        }
        sides = {side: [] for side in measures}
        for _ in range(given.rounds):
            # The same people for all, in another order of sides each round; what one has left to be written is not
            # another's to wait for.
            first = next(load.NEWCOMERS)
            for side in random.sample(list(measures), len(measures)):
                os.sync()
                sides[side].append(measures[side](first))
        names = {
            "VaultDB": "VaultDB, `RESOLVE` of a new email and phone",
            "Redis": "Redis, `SET` with `appendfsync always`",
            "script": "Redis, a script that finds or creates, with `appendfsync always`",
            "PostgreSQL": f"PostgreSQL {postgres.version}, `INSERT … ON CONFLICT`, prepared, two unique constraints",
        }
        ours = Result.median(sides["VaultDB"])
        table("50 connections, durable", "a second", "VaultDB is", "p99 ms")
        for side, results in sides.items():
            median = Result.median(results)
            print(f"| {names[side]} | {median.rate:,.0f} | {ours.rate / median.rate:.2f} | {median.p99:.3f} |")
        writer = vault.information("writer")
        print(f"\nA commit held {writer['writer_group_size']} writes on average.", flush=True)
    finally:
        redis.stop()
        if postgres:
            postgres.stop()


def both(vault, given):
    """Hits alone, and while 50 connections create at full rate."""
    table("`FIND` by email", "alone, requests/s", "p99 ms", "with creates, requests/s", "p99 ms", "p99 ratio")
    for title, rate in (("50 connections, as fast as they can", 0), ("50 connections, 5,000 a second in all", 5_000)):
        alone, beside = [], []
        for _ in range(given.rounds):
            vault.settle()
            words = (given.respload, vault.port, given.seconds, "FIND", ORGANIZATION, "EMAIL", load.known(given.people)[0])
            alone.append(Load(*words, rate=rate, finds=True).result())
            writes = load.creates(given.respload, vault.port, given.seconds, next(load.NEWCOMERS))
            beside.append(Load(*words, rate=rate, finds=True).result())
            writes.result()
        a, b = Result.median(alone), Result.median(beside)
        print(f"| {title} | {a.rate:,.0f} | {a.p99:.3f} | {b.rate:,.0f} | {b.p99:.3f} | {b.p99 / a.p99:.1f} |",
              flush=True)


def memory(vault):
    """What is resident beside the map, before and with idle connections."""
    table("connections", "resident beside the map, MB")
    vault.settle()
    before = vault.kilobytes("RssAnon")
    idle = []
    for _ in range(1_000):
        connection = socket.create_connection(("127.0.0.1", vault.port))
        connection.sendall(b"PING\r\n")
        connection.recv(16)
        idle.append(connection)
    print(f"| none, after the above | {before / 1024:.1f} |")
    print(f"| 1,000, idle | {vault.kilobytes('RssAnon') / 1024:.1f} |")
    for connection in idle:
        connection.close()


def main():
    given = options()
    parts = given.only.split(",")
    os.makedirs(given.directory, exist_ok=True)
    path = peers.vault(given.vaultdb, given.directory, given.people)
    vault = peers.serve(given.vaultdb, path, given.threads)
    started = [vault]
    try:
        loops = int(vault.information("server")["io_threads_active"])
        print(f"{given.people:,} people, 50 connections, medians of {given.rounds} rounds in turn; {os.cpu_count()} cores, "
              f"which the clients share; event loops: {loops}.")
        # The first look at each page is not what is measured.
        load.hits(vault.port, given.people, given.people, 16, "FIND", ORGANIZATION, "EMAIL", EMAIL)
        if "hits" in parts or "resolves" in parts:
            servers = {f"{loops}, 56 MB": vault}
            if loops < os.cpu_count():
                servers[f"{os.cpu_count()}, 56 MB"] = peers.serve(given.vaultdb, path, os.cpu_count())
            servers[f"{loops}, 512 MB"] = peers.serve(given.vaultdb, path, loops, "512M")
            if loops < os.cpu_count():
                servers[f"{os.cpu_count()}, 512 MB"] = peers.serve(given.vaultdb, path, os.cpu_count(), "512M")
            started += list(servers.values())[1:]
            for server in servers.values():
                for command in ("FIND", "RESOLVE") * 2:
                    load.hits(server.port, given.people, given.people, 16, command, ORGANIZATION, "EMAIL", EMAIL)
            if "hits" in parts:
                hits(servers, given)
            if "resolves" in parts:
                resolves(servers, given)
            for server in started[1:]:
                server.stop()
        if "creates" in parts:
            creates(vault, given)
        if "both" in parts:
            both(vault, given)
        if "memory" in parts:
            memory(vault)
    finally:
        for server in started:
            server.stop()
        for file in glob.glob(f"{path}*"):
            os.remove(file)


main()

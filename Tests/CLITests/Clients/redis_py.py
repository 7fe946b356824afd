"""Drives a server with redis-py as applications do: sync and asyncio, both protocols, pipelines, pools.

usage: redis_py.py PORT ORGANIZATION [TOKEN]
"""
import asyncio
import sys
import threading
import uuid

import redis
import redis.asyncio

PORT, ORG = int(sys.argv[1]), sys.argv[2]
TOKEN = sys.argv[3] if len(sys.argv) > 3 else None
OPTIONS = {"port": PORT, "decode_responses": True, "password": TOKEN}


def as_map(answer):
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2]))


def sync(protocol):
    client = redis.Redis(protocol=protocol, client_name="checks", **OPTIONS)
    assert client.ping()
    assert client.echo("hello ñ") == "hello ñ"
    assert client.client_getname() == "checks"
    assert client.client_id() > 0
    person = f"sync{protocol}@example.com"
    made = as_map(client.execute_command("RESOLVE", ORG, "EMAIL", person, "PHONE", "600 123 00" + str(protocol)))
    assert made["outcome"] == "created" and made["enriched"] == [] and made["warnings"] == [], made
    assert made["matched"] is None, made
    assert client.execute_command("FIND", ORG, "EMAIL", person.upper()) == made["identity"]
    again = as_map(client.execute_command("RESOLVE", ORG, "EMAIL", person))
    assert again["outcome"] == "matched_email" and again["identity"] == made["identity"], again
    identity = as_map(client.execute_command("GET", ORG, made["identity"]))
    assert identity["primary_email"] == person and identity["is_merged"] in (0, False), identity
    assert (identity["is_merged"] is False) == (protocol == 3), identity
    assert client.execute_command("GET", ORG, str(uuid.uuid4())) is None
    for words, kind in [
        (("FIND", ORG, "EMAIL"), redis.ResponseError),
        (("FIND", "no-uuid", "EMAIL", "a@b.example"), redis.ResponseError),
        (("RESOLVE", ORG, "EMAIL", "nothing"), redis.ResponseError),
        (("NOSUCH", "a"), redis.ResponseError),
    ]:
        try:
            client.execute_command(*words)
        except kind:
            continue
        raise AssertionError(f"{words} was not refused")
    assert client.info("server")["vaultdb_version"]
    assert client.config_get("save") == {"save": ""}
    assert client.command_count() > 20
    assert any(int(entry["id"]) == client.client_id() for entry in client.client_list())
    assert client.client_info()["id"] == client.client_id()
    assert client.info("replication")["role"] == "master"
    cursor, walked = None, []
    while cursor != 0:
        cursor, page = client.execute_command("SCAN", ORG, cursor or 0, "KIND", "EMAIL", "COUNT", 50)
        walked += page
    assert [person, made["identity"]] in walked, walked
    client.close()


def pipelines(protocol):
    client = redis.Redis(protocol=protocol, **OPTIONS)
    pipeline = client.pipeline(transaction=False)
    for number in range(300):
        person = f"pipe{protocol}.{number}@example.com"
        pipeline.execute_command("RESOLVE", ORG, "EMAIL", person)
        pipeline.execute_command("FIND", ORG, "EMAIL", person)
        pipeline.execute_command("PUT", ORG, "lead", f"{protocol}.{number}", "email", person)
        pipeline.execute_command("NOSUCH")
    answers = pipeline.execute(raise_on_error=False)
    for number in range(300):
        made, found, put, refused = answers[number * 4 : number * 4 + 4]
        assert as_map(made)["outcome"] == "created", made
        assert found == as_map(made)["identity"], (found, made)
        assert as_map(put)["identity_id"] == found, put
        assert isinstance(refused, redis.ResponseError), refused
    client.close()


def transactions(protocol):
    """A pipeline of redis-py is a transaction unless told otherwise: one clear error, and nothing is written."""
    client = redis.Redis(protocol=protocol, **OPTIONS)
    with client.pipeline() as pipeline:
        for number in range(3):
            pipeline.execute_command("PUT", ORG, "lead", f"tx{protocol}.{number}", "first_name", "Ana")
        try:
            pipeline.execute()
        except redis.ResponseError as error:
            assert "redis-py: transaction=False" in str(error) and "EXEC" in str(error), error
        else:
            raise AssertionError("a transaction was not refused")
    for number in range(3):
        assert client.execute_command("RECORD", ORG, "lead", f"tx{protocol}.{number}") is None
    with client.pipeline() as pipeline:
        try:
            pipeline.watch(ORG)
        except redis.ResponseError as error:
            assert "transaction=False" in str(error), error
        else:
            raise AssertionError("WATCH was not refused")
    assert client.ping()
    client.close()


def pool():
    shared = redis.ConnectionPool(max_connections=8, **OPTIONS)
    faults = []

    def work(worker):
        try:
            client = redis.Redis(connection_pool=shared)
            for number in range(50):
                answer = as_map(client.execute_command("RESOLVE", ORG, "EMAIL", f"pool{number}@example.com"))
                assert client.execute_command("FIND", ORG, "EMAIL", f"pool{number}@example.com") == answer["identity"]
        except Exception as fault:  # told below
            faults.append((worker, fault))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults


async def asynchronous(protocol):
    client = redis.asyncio.Redis(protocol=protocol, **OPTIONS)
    assert await client.ping()
    people = [f"async{protocol}.{number}@example.com" for number in range(100)]
    made = await asyncio.gather(*(client.execute_command("RESOLVE", ORG, "EMAIL", person) for person in people))
    found = await asyncio.gather(*(client.execute_command("FIND", ORG, "EMAIL", person) for person in people))
    assert [as_map(answer)["identity"] for answer in made] == found
    async with client.pipeline(transaction=False) as pipeline:
        for person in people:
            pipeline.execute_command("FIND", ORG, "EMAIL", person)
        assert await pipeline.execute() == found
    await client.aclose()


def whole_person(protocol):
    """From two contacts to one person, back, and to nobody; the feed tells all of it."""
    client = redis.Redis(protocol=protocol, **OPTIONS)

    def ask(*words):
        return client.execute_command(words[0], ORG, *words[1:])

    email, phone = f"whole{protocol}@example.com", f"+3460055500{protocol}"
    put = as_map(ask("PUT", "lead", f"w{protocol}", "first_name", "Núria", "last_name", "Soler", "email", email))
    assert put["change"] == "created", put
    one, other = put["identity_id"], as_map(ask("RESOLVE", "PHONE", phone))["identity"]
    assert as_map(ask("CONTACT", one))["total_interactions"] == 1
    assert one in [as_map(person)["identity_id"] for person in as_map(ask("SEARCH", "nuria sol"))["results"]]
    if TOKEN:  # a resolver's: it may neither merge nor erase
        for words in (("MERGE", one, other), ("ERASE", one)):
            try:
                ask(*words)
            except redis.exceptions.NoPermissionError:
                continue
            raise AssertionError(f"{words} was not refused")
        return client.close()
    merge = as_map(ask("MERGE", one, other))
    assert as_map(ask("GET", one))["identity_id"] == other
    assert as_map(ask("CONTACT", other))["total_interactions"] == 1
    ask("UNMERGE", merge["merge_id"])
    assert ask("FIND", "EMAIL", email) == one
    assert as_map(ask("ERASE", one))["identity_id"] == one
    assert ask("FIND", "EMAIL", email) is None
    kinds, following = [], 1
    while page := ask("CHANGES", "FROM", following, "BLOCK", 1):
        events = [as_map(event) for event in page]
        kinds += [event["event"] for event in events]
        assert [event["sequence"] for event in events] == list(range(following, following + len(events)))
        following += len(events)
    assert kinds[-3:] == ["identity_merged", "identity_unmerged", "identity_erased"], kinds[-3:]
    client.close()


for version in (2, 3):
    sync(version)
    pipelines(version)
    transactions(version)
    asyncio.run(asynchronous(version))
    whole_person(version)
pool()
print("redis-py", redis.__version__, "ok")

"""What a careful Python user writes: requests, a pool of 3, urllib3's Retry.

    script.py URL FILE
"""

import csv
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

SLOTS, BATCH = 3, 100
URL = sys.argv[1] + "/1/demerge/profiles.json"
HEADERS = {
    "X-CleverTap-Account-Id": "BENCH",
    "X-CleverTap-Passcode": "bench",
    "Content-Type": "application/json; charset=utf-8",
}
RETRY = Retry(
    total=8,
    backoff_factor=0.1,
    status_forcelist=[429, 500, 502, 503, 504],
    allowed_methods=None,  # POST too
    raise_on_status=False,
)

local = threading.local()
lock = threading.Lock()
room = threading.Semaphore(2 * SLOTS)  # so that the file is not held in memory
done = failed = 0


def session():
    if not hasattr(local, "session"):
        local.session = requests.Session()
        local.session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=RETRY))
        local.session.headers.update(HEADERS)
    return local.session


def send(identities):
    global done, failed
    try:
        ok = session().post(URL, data=json.dumps({"identities": identities}), timeout=30).status_code == 200
    except requests.RequestException:
        ok = False
    finally:
        room.release()
    with lock:
        if ok:
            done += len(identities)
        else:
            failed += len(identities)


with open(sys.argv[2], newline="") as f, ThreadPoolExecutor(SLOTS) as pool:
    batch = []
    for row in csv.DictReader(f):
        batch.append(row["identity"])
        if len(batch) == BATCH:
            room.acquire()
            pool.submit(send, batch)
            batch = []
    if batch:
        room.acquire()
        pool.submit(send, batch)

print(json.dumps({"done": done, "failed": failed}))

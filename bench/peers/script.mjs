// What a careful Node user writes: csv-parser, p-limit(3), fetch, and a loop
// that tries again.
//
//     node script.mjs URL FILE

import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import csv from 'csv-parser';
import pLimit from 'p-limit';

const [base, file] = process.argv.slice(2);
const url = `${base}/1/demerge/profiles.json`;
const headers = {
  'X-CleverTap-Account-Id': 'BENCH',
  'X-CleverTap-Passcode': 'bench',
  'Content-Type': 'application/json; charset=utf-8',
};
const again = new Set([429, 500, 502, 503, 504]);
const limit = pLimit(3);
let done = 0;
let failed = 0;

async function send(identities) {
  const body = JSON.stringify({ identities });
  for (let attempt = 0; attempt < 8; attempt++) {
    if (attempt > 0) await sleep(100 * 2 ** (attempt - 1));
    try {
      const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) });
      await response.text();
      if (response.ok) {
        done += identities.length;
        return;
      }
      if (!again.has(response.status)) break;
    } catch {
      // No answer: try again.
    }
  }
  failed += identities.length;
}

const tasks = new Set();
async function start(identities) {
  const task = limit(() => send(identities)).finally(() => tasks.delete(task));
  tasks.add(task);
  if (tasks.size >= 6) await Promise.race(tasks); // so that the file is not held in memory
}

let batch = [];
for await (const row of createReadStream(file).pipe(csv())) {
  batch.push(row.identity);
  if (batch.length === 100) {
    await start(batch);
    batch = [];
  }
}
if (batch.length > 0) await start(batch);
await Promise.all(tasks);
console.log(JSON.stringify({ done, failed }));

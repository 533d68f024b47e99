// ak-fetch at its best settings: whole bodies from a generator, so that it does
// no work for single records; no stored responses, no cookies, no progress; a
// queue long enough that its slots don't run dry at each drain (it fills
// maxTasks, then waits until all of them are done); retries as patient as the
// other peers'.
//
//     node akfetch.mjs URL FILE

import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import akFetch from 'ak-fetch';
import csv from 'csv-parser';

const [base, file] = process.argv.slice(2);

async function* bodies() {
  let identities = [];
  for await (const row of createReadStream(file).pipe(csv())) {
    identities.push(row.identity);
    if (identities.length === 100) {
      yield { identities };
      identities = [];
    }
  }
  if (identities.length > 0) yield { identities };
}

let batches = 0;
let errors = 0;
await akFetch({
  url: `${base}/1/demerge/profiles.json`,
  method: 'POST',
  headers: {
    'X-CleverTap-Account-Id': 'BENCH',
    'X-CleverTap-Passcode': 'bench',
    'Content-Type': 'application/json; charset=utf-8',
  },
  data: Readable.from(bodies()),
  batchSize: 1,
  concurrency: 3,
  maxTasks: 1000,
  retries: 8,
  retryDelay: 100,
  timeout: 30_000,
  keepAlive: true,
  enableConnectionPooling: true,
  enableCookies: false,
  storeResponses: false,
  verbose: false,
  responseHandler: () => batches++,
  errorHandler: () => errors++,
});
console.log(JSON.stringify({ done: batches * 100, failed: errors * 100 }));

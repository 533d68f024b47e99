// DuckDB, counting what a plan counts.
//
//     node duckdb.mjs FILE

import { DuckDBInstance } from '@duckdb/node-api';

const db = await DuckDBInstance.create(':memory:');
const connection = await db.connect();
const result = await connection.runAndReadAll(
  `select count(distinct identity) from read_csv('${process.argv[2].replaceAll("'", "''")}')`,
);
console.log(JSON.stringify({ distinct: Number(result.getRows()[0][0]) }));

/** A child process of `hash-files.test.ts`: hashes a small or a large file and says how many threads it took. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashFiles } from "../../src/node/hash-files.ts";
import { WorkerPool } from "../../src/node/worker-pool.ts";

const [kind, directory = ""] = process.argv.slice(2);
const size = kind === "large" ? 24 * 1024 * 1024 : 1024 * 1024;
const path = join(directory, "file");
writeFileSync(path, Buffer.alloc(size));
const pool = new WorkerPool();
await hashFiles([[{ path, size, type: "sha2-256-chunked" }]], { pool });
console.log(JSON.stringify({ threads: pool.threads.length }));
// Nothing is closed here: idle threads must not keep the process alive.

/** A child process of `conditions.test.ts`: replaces an object again and again, and sometimes deletes its newest version. */
import { Readable } from "node:stream";
import { openBucket } from "../../../src/server/s3/files/bucket-files.ts";

const [root = "", times = "0"] = process.argv.slice(2);
const bucket = await openBucket(root, "bucket", { durability: "process" });
for (let n = 1; n <= Number(times); n++) {
	const content = Readable.from([Buffer.from(String(n % 10).repeat(100 + n))]);
	const received = await bucket.receive(content, [], new AbortController().signal);
	const headers = { "x-amz-meta-n": String(n) };
	const { versionId } = await bucket.put("a", received, { headers, checksum: undefined });
	if (n % 15 === 0) await bucket.delete("a", versionId);
}

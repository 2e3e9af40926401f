/** A child process of `conditions.test.ts`: increments a counter in a bucket by conditional writes. */
import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { openBucket } from "../../../src/server/s3/files/bucket-files.ts";
import { S3Fault } from "../../../src/server/s3/fault.ts";

const [root = "", times = "0"] = process.argv.slice(2);
const bucket = await openBucket(root, "bucket");
for (let done = 0; done < Number(times);) {
	const opened = await bucket.open("counter");
	if (opened === undefined) throw new Error("The counter was absent for a moment");
	const found = await text(Readable.from(opened.read(0, opened.version.size)));
	if (!/^\d+$/.test(found)) throw new Error(`The counter was not whole: "${found}"`);
	const next = Readable.from([Buffer.from(String(Number(found) + 1))]);
	const received = await bucket.receive(next, [], new AbortController().signal);
	try {
		const condition = { ifMatch: opened.version.etag };
		await bucket.put("counter", received, { headers: {}, checksum: undefined, condition });
		done++;
	} catch (error) {
		if (!(error instanceof S3Fault && error.code === "PreconditionFailed")) throw error;
	} finally {
		await received.discard();
	}
}

/** The public interface of bale in a page: packages over the stores that a page can reach. */
import { setPlatform } from "./client/runtime.ts";
import { BaleError } from "./core/errors.ts";
import { createSha256 } from "./core/sha256.ts";
import { parsePhysicalKey } from "./core/physical-key.ts";
import { Lanes } from "./storage/lanes.ts";
import { fetchTransport } from "./storage/s3/fetch-transport.ts";
import { S3Store } from "./storage/s3/s3-store.ts";
import { HttpStore } from "./storage/http-store.ts";

const lanes = new Lanes();

setPlatform({
	now: () => Date.now(),
	randomId: () => crypto.randomUUID(),
	createSha256,
	lanes,
	openStore(location) {
		if (/^https?:/i.test(location)) return Promise.resolve(new HttpStore(location));
		if (/^s3:/i.test(location)) return Promise.resolve(publicBucket(location));
		return Promise.reject(
			new BaleError("Unsupported", `Cannot open ${location} in a page`, {
				hint: "Pass a store, or the http address of a registry",
				details: { location },
			}),
		);
	},
	files: undefined,
	settings: undefined,
	author: () => undefined,
	system: "browser",
});

/** A page has no keys by itself: what is not public needs a store that was given some. */
function publicBucket(location: string): S3Store {
	const key = parsePhysicalKey(location);
	if (key.kind !== "s3") throw new TypeError("no bucket");
	return new S3Store({
		bucket: key.bucket,
		prefix: key.key,
		transport: fetchTransport(),
		createSha256,
		lanes,
	});
}

export * from "./public.ts";
export { createSha256 };
export { createCrc64Nvme } from "./core/crc64nvme.ts";
export { createHasher, partSize, type HashType, type Hasher } from "./core/hash.ts";

/** The public interface of bale in a page: packages over the stores that a page can reach. */
import { setPlatform } from "./client/runtime.ts";
import { BaleError } from "./core/errors.ts";
import { createSha256 } from "./core/sha256.ts";
import { HttpStore } from "./storage/http-store.ts";

setPlatform({
	now: () => Date.now(),
	randomId: () => crypto.randomUUID(),
	createSha256,
	openStore(location) {
		if (/^https?:/i.test(location)) return Promise.resolve(new HttpStore(location));
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

export * from "./public.ts";
export { createSha256 };
export { createCrc64Nvme } from "./core/crc64nvme.ts";
export { createHasher, partSize, type HashType, type Hasher } from "./core/hash.ts";

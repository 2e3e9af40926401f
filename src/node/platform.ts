/** This machine as the client sees it: files, threads, directory registries, and the settings shared with quilt3. */
import { randomUUID } from "./crypto.mjs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { Platform } from "../client/platform.ts";
import { HttpStore } from "../storage/http-store.ts";
import type { Store } from "../storage/store.ts";
import { DirectoryStore } from "./directory-store.ts";
import { NodeFiles } from "./local-files.ts";
import { createNodeSha256 } from "./node-digest.ts";
import { lanes } from "./lanes.ts";
import { manifestNotes } from "./manifest-notes.ts";
import { findPlaces } from "./places.ts";
import { settingsFromConfig } from "./settings.ts";

/** The platform of a Node process; its settings are read anew at every use, so that a change counts at once. */
export function nodePlatform(): Platform {
	return {
		now: () => Date.now(),
		randomId: () => randomUUID(),
		createSha256: createNodeSha256,
		lanes,
		openStore: async (location) => {
			if (!/^s3:/i.test(location)) return openStore(location);
			// Only those who use buckets pay for loading what they need.
			const { openS3 } = await import("./s3-open.ts");
			return openS3(location);
		},
		files: new NodeFiles({ cacheFolder }),
		settings: settingsFromConfig({
			onWarning: ({ code, message }) => process.emitWarning(message, { type: "BaleWarning", code }),
		}),
		manifestNotes: manifestNotes(() => `${findPlaces().baleCache}/manifests`),
		author,
		system: process.platform === "win32" ? "windows" : "posix",
	};
}

/** quilt3 8.0.0 heeds its variable only when it is the word "true", in any case. */
function cacheFolder(): string | undefined {
	if (/^true$/i.test(process.env["QUILT_DISABLE_CACHE"] ?? "")) return undefined;
	return join(findPlaces().baleCache, "hashes");
}

function openStore(location: string): Store {
	if (/^https?:/i.test(location))
		return new HttpStore(location, {
			fetch: async (request, init) => {
				// It loads TLS, which directories have no use for.
				const { proxiedFetch } = await import("./proxied-fetch.ts");
				return proxiedFetch(urlOf(request), init);
			},
		});
	return new DirectoryStore(location.replace(/(?<=.)\/+$/, ""));
}

function urlOf(request: string | URL | Request): string {
	if (typeof request === "string") return request;
	return request instanceof URL ? request.href : request.url;
}

/** `BALE_AUTHOR`, or the user and host; undefined when it is set to nothing. */
function author(): string | undefined {
	const chosen = process.env["BALE_AUTHOR"];
	if (chosen !== undefined) return chosen === "" ? undefined : chosen;
	try {
		return `${userInfo().username}@${hostname()}`;
	} catch {
		return hostname();
	}
}

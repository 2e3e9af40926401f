/** What `bale serve` starts: folders as buckets, with names and keys. */
import { randomBytes } from "node:crypto";
import { basename, sep } from "node:path";
import { BaleError } from "../core/errors.ts";
import { errnoOf } from "../node/file-error.ts";
import { realPathOf, resolveInput, slashed } from "../node/path-input.ts";
import type { S3Credentials } from "../storage/s3/signature.ts";
import type { Bucket } from "./s3/bucket.ts";
import { openBucket, type BucketOptions } from "./s3/files/bucket-files.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./s3/gateway.ts";
import { withManifestFace } from "./s3/manifest-face.ts";
import { isLoopback } from "./s3/request.ts";

/** A folder and the name that it has as a bucket. */
export type ServedFolder = { readonly bucket: string; readonly folder: string };

export type ServeOptions = Pick<GatewayOptions, "port" | "host" | "readOnly" | "origins" | "onError"> & {
	/** As the user gives them: a path, or `NAME=path`. */
	readonly folders: readonly string[];
	/** Absent: keys are generated. */
	readonly keys?: S3Credentials | undefined;
};

export type Served = {
	readonly gateway: Gateway;
	readonly folders: readonly ServedFolder[];
	readonly keys: S3Credentials;
};

const bucketName = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]";

/**
 * Starts it. Throws `InvalidArgument` (names, keys, a port that is taken), `NotAFile` and `ObjectNotFound` (what is no folder).
 */
export async function serveFolders(options: ServeOptions): Promise<Served> {
	const host = options.host ?? "127.0.0.1";
	if (options.keys === undefined && !isLoopback(host))
		throw new BaleError(
			"InvalidArgument",
			`Cannot listen on ${host} with generated keys: others can reach it`,
			{
				hint: "Set BALE_S3_ACCESS_KEY_ID and BALE_S3_SECRET_ACCESS_KEY",
			},
		);
	const folders = nameFolders(options.folders);
	const keys = options.keys ?? generateKeys();
	const buckets = await Promise.all(folders.map(({ folder, bucket }) => openFolder(folder, bucket)));
	const { port, readOnly, origins, onError } = options;
	try {
		const gateway = await startGateway({ buckets, keys, host, port, readOnly, origins, onError });
		return { gateway, folders, keys };
	} catch (error) {
		throw cannotListen(error, host, port ?? 0);
	}
}

/** A folder as the bucket that clients see. Throws `NotAFile`, `ObjectNotFound`. */
export async function openFolder(folder: string, name: string, options: BucketOptions = {}): Promise<Bucket> {
	return withManifestFace(await openBucket(folder, name, options), slashed(folder));
}

/** Keys from the environment; undefined when there are none. Throws `InvalidConfig` for half of them. */
export function keysOf(env: Readonly<Record<string, string | undefined>>): S3Credentials | undefined {
	const accessKeyId = env["BALE_S3_ACCESS_KEY_ID"] ?? "";
	const secretAccessKey = env["BALE_S3_SECRET_ACCESS_KEY"] ?? "";
	if (accessKeyId === "" && secretAccessKey === "") return undefined;
	if (/^[A-Za-z0-9_-]{3,128}$/.test(accessKeyId) && secretAccessKey.length >= 8)
		return { accessKeyId, secretAccessKey };
	throw new BaleError(
		"InvalidConfig",
		"Cannot use the keys of the environment: one of them is missing or too short",
		{
			hint: "Set BALE_S3_ACCESS_KEY_ID (letters and digits, 3 or more) and BALE_S3_SECRET_ACCESS_KEY (8 characters or more)",
		},
	);
}

function generateKeys(): S3Credentials {
	return {
		accessKeyId: `BALE${randomBytes(8).toString("hex").toUpperCase()}`,
		secretAccessKey: randomBytes(30).toString("base64url"),
	};
}

function nameFolders(inputs: readonly string[]): ServedFolder[] {
	const served: ServedFolder[] = [];
	for (const input of inputs) {
		const named = new RegExp(`^(${bucketName})=(.+)$`, "s").exec(input);
		const path = resolveInput(named?.[2] ?? input).replace(/(.)\/+$/, "$1");
		const folder = realPathOf(path);
		if (folder === undefined)
			throw new BaleError("ObjectNotFound", `Cannot serve "${input}": the folder does not exist`, {
				hint: "Make it first, or check the path",
			});
		const bucket = named?.[1] ?? basename(folder).toLowerCase();
		if (!new RegExp(`^${bucketName}$`).test(bucket))
			throw new BaleError("InvalidArgument", `Cannot serve "${input}": its name cannot be that of a bucket`, {
				hint: "Give it a name of 3 to 63 small letters, digits, dots and dashes: NAME=FOLDER",
			});
		const same = served.find((other) => other.bucket === bucket);
		if (same !== undefined)
			throw new BaleError(
				"InvalidArgument",
				`Cannot serve "${input}": ${same.folder} is the bucket ${bucket} already`,
				{
					hint: "Give it another name: NAME=FOLDER",
				},
			);
		const near = served.find((other) => isBelow(folder, other.folder) || isBelow(other.folder, folder));
		if (near !== undefined)
			throw new BaleError(
				"InvalidArgument",
				`Cannot serve "${input}" beside ${near.folder}: one lies inside of the other`,
				{
					hint: "Serve only the outer folder",
				},
			);
		served.push({ bucket, folder });
	}
	return served;
}

function isBelow(path: string, folder: string): boolean {
	return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function cannotListen(error: unknown, host: string, port: number): unknown {
	const reasons: Readonly<Record<string, readonly [state: string, hint: string]>> = {
		EADDRINUSE: ["another program listens there", "Choose another port with --port, or 0 for a free one"],
		EACCES: ["the system does not allow it", "Choose a port of 1024 or more with --port"],
		EADDRNOTAVAIL: ["this machine has no such address", "Give an address of this machine with --host"],
		ENOTFOUND: ["there is no such name", "Give an address of this machine with --host"],
	};
	const reason = reasons[errnoOf(error) ?? ""];
	if (reason === undefined) return error;
	return new BaleError("InvalidArgument", `Cannot listen on ${host}:${port}: ${reason[0]}`, {
		hint: reason[1],
		cause: error,
	});
}

/** Programs that people use buckets with, run on a bucket of a test as they are run by hand. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { findTool } from "../../../scripts/tools.mjs";
import { collect } from "../../../src/storage/byte-source.ts";
import type { TestGateway } from "../../support/s3/gateway.ts";
import type { S3Server } from "../../support/s3/server.ts";
import type { ServerKind } from "../../support/s3/servers.ts";
import { contentsOf, sha256 } from "../../support/files.ts";

/** The folder that the tier's set-up has found, or that is found now. */
export function programs(): string {
	const named = process.env["BALE_TEST_CLIENTS"];
	if (named !== undefined) return named;
	const found = findTool("clients");
	if (found.missing !== undefined) throw new Error(`${found.missing}. ${found.fix}.`);
	return found.env["BALE_TEST_CLIENTS"] ?? "";
}

export type Client = {
	/** What the program prints; fails the test, with its complaints, when it fails. */
	run(...args: readonly string[]): Promise<string>;
};

/** A program (`aws`, `rclone`), or a script beside this file (`pandas-client.py`), told of the server by `env`. */
export function clientOf(program: string, env: Readonly<Record<string, string>>): Client {
	const script = program.endsWith(".py") ? [join(import.meta.dirname, program)] : [];
	const path = join(programs(), script.length > 0 ? "python" : program);
	const execute = async (args: readonly string[]): Promise<string> => {
		const options = {
			env: { ...process.env, ...env, PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1" },
			maxBuffer: 16 * 2 ** 20,
		};
		return (await promisify(execFile)(path, [...script, ...args], options)).stdout;
	};
	return { run: (...args) => execute(args) };
}

/**
 * Key -> hex SHA-256 of every object outside `.bale/`, as our own client reads them. Where the bucket is a folder, its files
 * must be the same.
 */
export async function contentsOfBucket(server: S3Server, bucket: string): Promise<Record<string, string>> {
	const store = server.openStore(bucket);
	const contents: Record<string, string> = {};
	for await (const item of store.list("")) {
		// Those that end in a slash are folders.
		if ("prefix" in item || item.key.startsWith(".bale/") || item.key.endsWith("/")) continue;
		const object = await store.get(item.key);
		if (object === undefined) throw new Error(`${item.key} is listed, and not there`);
		contents[item.key] = sha256(await collect(object.body));
	}
	const folder = folderOf(server, bucket);
	if (folder !== undefined) {
		const files = Object.entries(contentsOf(folder)).filter(([path]) => !path.startsWith(".bale/"));
		expect(Object.fromEntries(files)).toEqual(contents);
	}
	return contents;
}

/** What bale calls the other face of this bucket: the folder, or where buckets are no folders the bucket itself. */
export function registryOf(server: S3Server, bucket: string): string {
	return folderOf(server, bucket) ?? `s3://${bucket}`;
}

/** The folder that is served as this bucket; undefined where buckets are no folders. */
function folderOf(server: S3Server, bucket: string): string | undefined {
	return "folderOf" in server ? (server as TestGateway).folderOf(bucket) : undefined;
}

/** Between a program and a server that are both of others something fails now and then on a busy machine. */
export function onceMore({ name }: ServerKind): { readonly retry: number } {
	return { retry: name === "bale" ? 0 : 1 };
}

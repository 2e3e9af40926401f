/** The S3 server versitygw on loopback, with its data in a temporary directory. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findTool } from "../../scripts/tools.mjs";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import { S3Client } from "../../src/storage/s3/client.ts";
import { S3Store, type S3StoreOptions } from "../../src/storage/s3/s3-store.ts";
import { makeTemporaryDirectory, removeDirectory } from "./temporary.ts";

const startMs = 20_000;

/** Path of the program: as the tier's set-up found it, or found now. */
function program(): string {
	const named = process.env["BALE_TEST_VERSITYGW"];
	if (named !== undefined) return named;
	const found = findTool("versitygw");
	if (found.missing !== undefined) throw new Error(`${found.missing}. ${found.fix}.`);
	const binary = found.env["BALE_TEST_VERSITYGW"];
	if (binary === undefined) throw new Error("the set-up of versitygw names no program");
	return binary;
}

export type S3Server = {
	/** `http://127.0.0.1:port`. */
	readonly endpoint: string;
	readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
	/** What AWS tools read, for child processes and for `process.env`. */
	readonly environment: Readonly<Record<string, string>>;
	/** Makes an empty bucket and gives its name. */
	makeBucket(options?: { readonly versions?: boolean }): Promise<string>;
	/** A store over a bucket. */
	openStore(bucket: string, options?: Partial<S3StoreOptions>): S3Store;
	/** Requests to a bucket. */
	client(bucket: string): S3Client;
	stop(): Promise<void>;
};

/** Starts a server of its own for the caller, who stops it. */
export async function startVersitygw(): Promise<S3Server> {
	const directory = makeTemporaryDirectory();
	const root = join(directory, "root");
	const versions = join(directory, "versions");
	for (const path of [root, versions]) mkdirSync(path);
	const credentials = {
		accessKeyId: `key${randomBytes(6).toString("hex")}`,
		secretAccessKey: randomBytes(16).toString("hex"),
	};
	for (let attempt = 1; ; attempt++) {
		const port = await freePort();
		const endpoint = `http://127.0.0.1:${port}`;
		const server = spawn(
			program(),
			[
				"--keep-alive",
				"--quiet",
				"--health",
				"/health",
				"--port",
				`127.0.0.1:${port}`,
				"posix",
				"--versioning-dir",
				versions,
				root,
			],
			{
				env: {
					...process.env,
					ROOT_ACCESS_KEY: credentials.accessKeyId,
					ROOT_SECRET_KEY: credentials.secretAccessKey,
				},
				stdio: ["ignore", "pipe", "pipe"],
			},
		);
		const output: string[] = [];
		for (const stream of [server.stdout, server.stderr]) {
			stream.setEncoding("utf8").on("data", (text: string) => output.push(text));
		}
		if (await answers(server, `${endpoint}/health`)) {
			return describe(endpoint, credentials, async () => {
				await end(server);
				removeDirectory(directory);
			});
		}
		await end(server);
		if (attempt === 3) {
			removeDirectory(directory);
			throw new Error(`versitygw did not start: ${output.join("").slice(-2000)}`);
		}
	}
}

function describe(
	endpoint: string,
	credentials: S3Server["credentials"],
	stop: () => Promise<void>,
): S3Server {
	const options = (bucket: string) => ({
		bucket,
		endpoint,
		transport: nodeTransport,
		createSha256: createNodeSha256,
		credentials: () => Promise.resolve(credentials),
	});
	const client = (bucket: string) => new S3Client(options(bucket));
	return {
		endpoint,
		credentials,
		environment: {
			AWS_ACCESS_KEY_ID: credentials.accessKeyId,
			AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
			AWS_ENDPOINT_URL_S3: endpoint,
			AWS_REGION: "us-east-1",
			AWS_DEFAULT_REGION: "us-east-1",
			AWS_EC2_METADATA_DISABLED: "true",
		},
		async makeBucket({ versions = false } = {}) {
			const bucket = `bale-${randomBytes(5).toString("hex")}`;
			const admin = client(bucket);
			const change = { action: "s3:CreateBucket", method: "PUT", isRead: false } as const;
			(await admin.expect(change)).discard();
			if (versions) {
				const bytes = encodeUtf8(
					'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>',
				);
				const body = { bytes, sha256: admin.sha256(bytes) };
				(await admin.expect({ ...change, query: [["versioning", ""]], body })).discard();
			}
			return bucket;
		},
		openStore: (bucket, more = {}) => new S3Store({ ...options(bucket), ...more }),
		client,
		stop,
	};
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", resolve);
	});
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	if (address === null || typeof address === "string") throw new Error("no port");
	return address.port;
}

async function answers(server: ChildProcess, url: string): Promise<boolean> {
	const deadline = Date.now() + startMs;
	while (server.exitCode === null && Date.now() < deadline) {
		const response = await fetch(url).catch(() => undefined);
		await response?.body?.cancel();
		if (response?.ok === true) return true;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	return false;
}

async function end(server: ChildProcess): Promise<void> {
	if (server.exitCode !== null || server.signalCode !== null) return;
	const ended = new Promise((resolve) => server.once("exit", resolve));
	server.kill("SIGTERM");
	const timer = setTimeout(() => server.kill("SIGKILL"), 5_000);
	await ended;
	clearTimeout(timer);
}

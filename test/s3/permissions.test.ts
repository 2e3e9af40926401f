/** What `docs/buckets.md` says of the permissions of each verb is what the verbs ask of a server. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import {
	config,
	deletePackage,
	listPackages,
	listPackageVersions,
	Package,
	revisions,
	unfinishedUploads,
} from "../../src/index.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { beginUpload } from "../../src/storage/s3/uploads.ts";
import { listen } from "../support/proxy.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** The IAM actions of a request. */
function actionsOf(method: string, url: string, source: string | undefined): string[] {
	const { searchParams: query } = new URL(url, "http://server");
	const read = (versioned: boolean) => (versioned ? "s3:GetObjectVersion" : "s3:GetObject");
	if (method === "GET" || method === "HEAD") {
		if (query.has("list-type")) return ["s3:ListBucket"];
		if (query.has("versions")) return ["s3:ListBucketVersions"];
		if (query.has("versioning")) return ["s3:GetBucketVersioning"];
		if (query.has("uploads")) return ["s3:ListBucketMultipartUploads"];
		if (query.has("uploadId")) return ["s3:ListMultipartUploadParts"];
		return [read(query.has("versionId"))];
	}
	if (method === "DELETE") return [query.has("uploadId") ? "s3:AbortMultipartUpload" : "s3:DeleteObject"];
	return ["s3:PutObject", ...(source === undefined ? [] : [read(source.includes("versionId="))])];
}

/** A server in front of another one; gives its address and what was asked of it since it was last told to forget. */
async function recorder(endpoint: string): Promise<{ url: string; actions: Set<string> }> {
	const actions = new Set<string>();
	const server = createServer((incoming, answer) => {
		const { method = "GET", url = "/", headers } = incoming;
		const source = headers["x-amz-copy-source"];
		for (const action of actionsOf(method, url, source === undefined ? undefined : String(source))) {
			actions.add(action);
		}
		const outgoing = send(new URL(endpoint).origin + url, { method, headers }, (response) => {
			answer.writeHead(response.statusCode ?? 502, response.headers);
			response.pipe(answer);
		});
		incoming.pipe(outgoing);
	});
	return { url: `http://127.0.0.1:${await listen(server)}`, actions };
}

/** The rows of the table of permissions: the first word of each, and the actions in the others. */
function documented(): Record<string, string[]> {
	const rows = readRepositoryFile("docs/buckets.md")
		.split("\n")
		.filter((line) => /^\| `\w+`/.test(line) && line.includes("s3:"));
	return Object.fromEntries(
		rows.map((row) => [
			/`(\w+)`/.exec(row)?.[1] ?? "",
			[...new Set(row.match(/s3:\w+/g))].toSorted(compareNames),
		]),
	);
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
	for await (const _item of items);
}

onEachServer((server) => {
	test("every verb asks for what its row says, and for nothing else", { timeout: 180_000 }, async () => {
		const { url, actions } = await recorder(server().endpoint);
		vi.stubEnv("AWS_ENDPOINT_URL_S3", url);
		const [plain, versioned] = [await server().makeBucket(), await server().makeBucket({ versions: true })];
		const folder = temporaryDirectory();
		mkdirSync(join(folder, "in"));
		writeFileSync(join(folder, "small"), "one");
		writeFileSync(join(folder, "in", "large"), randomBytes(9 * 1024 * 1024));
		const found: Record<string, string[]> = {};
		const measure = async (name: string, work: (registry: string) => Promise<unknown>): Promise<void> => {
			actions.clear();
			for (const bucket of [plain, versioned]) await work(`s3://${bucket}`);
			found[name] = [...new Set([...(found[name] ?? []), ...actions])].toSorted(compareNames);
		};
		const name = "ann/cats";
		const hashes = new Map<string, string>();
		await config({ telemetryDisabled: true });
		await measure("push", async (registry) => {
			const first = await (await new Package().setDir(".", folder)).push(name, registry);
			hashes.set(registry, first.topHash);
			writeFileSync(join(folder, "small"), randomBytes(8));
			await (await first.setDir(".", folder)).push(name, registry);
			const other = await Package.browse(name, { registry });
			await other.push("ann/dogs", registry);
		});
		await measure("install", (registry) =>
			Package.install(name, { registry, dest: join(temporaryDirectory(), "cats") }),
		);
		await measure("list", (registry) => drain(listPackages(registry)));
		await measure("log", async (registry) => {
			await drain(listPackageVersions(name, registry));
			await drain(revisions(name, registry));
		});
		for (const bucket of [plain, versioned]) {
			await beginUpload(server().client(bucket), "ann/left", { checksums: false, signal: undefined });
		}
		await measure("doctor", (registry) => drain(unfinishedUploads(registry, { abortOlderThanMs: 0 })));
		await measure("setDir", (registry) => new Package().setDir(".", `${registry}/ann/`));
		await measure("rollback", (registry) => Package.rollback(name, registry, hashes.get(registry) ?? ""));
		await measure("delete", (registry) => deletePackage(name, registry));
		// Asked for only after an interruption, or a failure.
		const later = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
		expect({ ...found, push: [...(found["push"] ?? []), ...later].toSorted(compareNames) }).toEqual(
			documented(),
		);
	});
});

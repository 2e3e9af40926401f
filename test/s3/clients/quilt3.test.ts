/** One folder, two faces: quilt3 on the bucket, bale in the folder. What both do on one bucket is in `../interop.test.ts`. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { installPackage, Package, pushPackage } from "../../../src/index.ts";
import { Quilt3 } from "../../interop/quilt3.ts";
import { expectedContents, sampleSteps, writeSample } from "../../interop/sample.ts";
import { packageFrom } from "../../interop/steps.ts";
import { contentsOf } from "../../support/files.ts";
import { startTestGateway, type TestGateway } from "../../support/s3/gateway.ts";
import { makeTemporaryDirectory, removeDirectory, temporaryDirectory } from "../../support/temporary.ts";

const name = "lab/sample";
const directory = makeTemporaryDirectory();
const data = join(directory, "data");
let server: TestGateway;
let quilt3: Quilt3;

beforeAll(async () => {
	server = await startTestGateway();
	for (const [variable, value] of Object.entries(server.environment)) vi.stubEnv(variable, value);
	quilt3 = new Quilt3();
	vi.unstubAllEnvs();
	mkdirSync(data);
	writeSample(data);
});
afterAll(async () => {
	await quilt3.close();
	await server.stop();
	removeDirectory(directory);
});

test("what quilt3 pushes to a bucket is installed from its folder", async () => {
	const bucket = await server.makeBucket({ versions: true });
	const folder = server.folderOf(bucket);
	const steps = sampleSteps(data);
	const seen = await quilt3.push({ steps }, { name, registry: `s3://${bucket}`, message: "one" });
	const dest = temporaryDirectory();
	const installed = await installPackage(name, { registry: folder, dest });
	expect(installed.topHash).toBe(seen.top_hash);
	expect(contentsOf(dest)).toEqual(expectedContents(data));
	for (const [key, { size }] of Object.entries(seen.entries))
		expect(readFileSync(join(folder, name, key)).length, key).toBe(size);

	const again = await pushPackage(await packageFrom(steps), name, {
		registry: folder,
		message: "one",
		force: true,
	});
	expect(again).toMatchObject({ topHash: seen.top_hash, changed: false });
});

test("what bale pushes into a folder quilt3 browses and installs from the bucket", async () => {
	const bucket = await server.makeBucket();
	const registry = `s3://${bucket}`;
	const made = await packageFrom(sampleSteps(data));
	const { topHash } = await pushPackage(made, name, { registry: server.folderOf(bucket), message: "one" });
	expect((await quilt3.browse({ name, registry })).top_hash).toBe(topHash);
	const dest = temporaryDirectory();
	await quilt3.install({ name, registry }, join(dest, "files"), join(dest, "registry"));
	expect(contentsOf(join(dest, "files"))).toEqual(expectedContents(data));

	const next = await quilt3.push({ name, registry }, { name: "lab/copy", registry });
	expect((await Package.browse("lab/copy", { registry: server.folderOf(bucket) })).topHash).toBe(
		next.top_hash,
	);
});

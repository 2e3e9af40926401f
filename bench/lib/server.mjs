/** The S3 server of the transfer scenarios: versitygw on loopback, with an access log that counts requests. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findTool } from "../../scripts/tools.mjs";
import { cpuOf, transferOf } from "./measure.mjs";

/**
 * @param {string} directory for its data, below the directory of the run
 * @returns {Promise<{ missing: string } | Awaited<ReturnType<typeof start>>>}
 */
export async function startServer(directory) {
	const tool = findTool("versitygw");
	return tool.missing ? { missing: tool.missing } : start(tool.env.BALE_TEST_VERSITYGW, directory);
}

async function start(program, directory) {
	const [root, versions] = ["root", "versions"].map((name) => join(directory, name));
	for (const path of [root, versions]) mkdirSync(path, { recursive: true });
	const accessLog = join(directory, "access.log");
	const port = await freePort();
	const endpoint = `http://127.0.0.1:${port}`;
	const [access, secret] = [randomBytes(6).toString("hex"), randomBytes(16).toString("hex")];
	const options = ["--keep-alive", "--quiet", "--health", "/health", "--access-log", accessLog];
	const child = spawn(
		program,
		[...options, "--port", `127.0.0.1:${port}`, "posix", "--versioning-dir", versions, root],
		{
			env: { ...process.env, ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
			stdio: "ignore",
		},
	);
	for (let attempt = 0; ; attempt++) {
		const answer = await fetch(`${endpoint}/health`).catch(() => undefined);
		await answer?.body?.cancel();
		if (answer?.ok) break;
		if (attempt === 200 || child.exitCode !== null) throw new Error("versitygw did not start");
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return {
		endpoint,
		/** What AWS tools read. */
		environment: {
			AWS_ACCESS_KEY_ID: access,
			AWS_SECRET_ACCESS_KEY: secret,
			AWS_ENDPOINT_URL: endpoint,
			AWS_ENDPOINT_URL_S3: endpoint,
			S3_ENDPOINT_URL: endpoint,
			AWS_REGION: "us-east-1",
			AWS_DEFAULT_REGION: "us-east-1",
			AWS_EC2_METADATA_DISABLED: "true",
			RCLONE_CONFIG_S_TYPE: "s3",
			RCLONE_CONFIG_S_PROVIDER: "Other",
			RCLONE_CONFIG_S_ENV_AUTH: "true",
			RCLONE_CONFIG_S_ENDPOINT: endpoint,
			RCLONE_CONFIG_S_REGION: "us-east-1",
		},
		/** An empty bucket that keeps versions. */
		makeBucket(python) {
			const name = `bench-${randomBytes(5).toString("hex")}`;
			const code =
				"import boto3, sys; s = boto3.client('s3'); s.create_bucket(Bucket=sys.argv[1]); " +
				"s.put_bucket_versioning(Bucket=sys.argv[1], VersioningConfiguration={'Status': 'Enabled'})";
			const made = spawnSync(python, ["-c", code, name], { env: { ...process.env, ...this.environment } });
			if (made.status !== 0) throw new Error(`no bucket: ${made.stderr}`);
			return name;
		},
		/** Seconds of CPU time so far. */
		cpu: () => cpuOf(child.pid) ?? 0,
		/** Bytes that it has read and written so far, from and to clients and files. */
		transfer: () => transferOf(child.pid),
		/** Requests so far, by S3 operation, from the access log. */
		requests() {
			const counts = {};
			if (!existsSync(accessLog)) return counts;
			for (const line of readFileSync(accessLog, "utf8").split("\n")) {
				const operation = / s3_([A-Za-z0-9]+) /.exec(line)?.[1];
				if (operation) counts[operation] = (counts[operation] ?? 0) + 1;
			}
			return counts;
		},
		async stop() {
			const ended = new Promise((resolve) => child.once("exit", resolve));
			child.kill();
			await ended;
		},
	};
}

async function freePort() {
	const server = createServer();
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

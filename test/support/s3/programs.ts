/** The two independent S3 servers, and how each is run. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ServerProgram } from "./program.ts";

export const versitygw: ServerProgram = {
	tool: "versitygw",
	variable: "BALE_TEST_VERSITYGW",
	health: "/health",
	command(address, directory, keys) {
		const [root, versions] = [join(directory, "root"), join(directory, "versions")];
		for (const path of [root, versions]) mkdirSync(path);
		const options = ["--keep-alive", "--quiet", "--health", "/health", "--port", address];
		return {
			args: [...options, "posix", "--versioning-dir", versions, root],
			env: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey },
		};
	},
};

export const minio: ServerProgram = {
	tool: "minio",
	variable: "BALE_TEST_MINIO",
	// "ready" answers before anything works: what is asked then may wait for a minute.
	health: "/minio/health/cluster",
	command: (address, directory, keys) => ({
		args: ["server", "--quiet", "--anonymous", "--address", address, join(directory, "data")],
		env: {
			HOME: directory,
			MINIO_ROOT_USER: keys.accessKeyId,
			MINIO_ROOT_PASSWORD: keys.secretAccessKey,
			// Without it any region would do.
			MINIO_SITE_REGION: "us-east-1",
			MINIO_BROWSER: "off",
			MINIO_UPDATE: "off",
			MINIO_CALLHOME_ENABLE: "off",
			// Data may lie on the file system of the machine itself.
			MINIO_CI_CD: "on",
		},
	}),
};

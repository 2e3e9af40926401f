import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareNames } from "../../src/core/logical-key.ts";
import type { ConfigWarning } from "../../src/node/config-file.ts";
import { findPlaces } from "../../src/node/places.ts";
import type { Environment, Places } from "../../src/node/places.ts";
import { UserIdentity } from "../../src/node/user-identity.ts";

/** A user's machine in a temporary directory, with its own environment and clock. */
export type Machine = {
	readonly root: string;
	readonly places: Places;
	/** Variables that the code under test sees; tests may add some. */
	readonly env: Record<string, string>;
	readonly warnings: ConfigWarning[];
	/** Milliseconds since the epoch. */
	now: number;
	/** A new process of the same user. */
	newIdentity(): UserIdentity;
	/** Content of a file of quilt3's data directory, or undefined. */
	read(name: string): Promise<string | undefined>;
	/** Permissions of a file of quilt3's data directory. */
	mode(name: string): Promise<number>;
	/** Names in quilt3's data directory; times in them become `*`. */
	files(): Promise<string[]>;
	remove(): Promise<void>;
};

export async function makeMachine(): Promise<Machine> {
	const root = await mkdtemp(join(tmpdir(), "bale-identity-"));
	const env: Record<string, string> = {
		XDG_DATA_HOME: join(root, "data"),
		XDG_CACHE_HOME: join(root, "cache"),
	};
	env["AWS_SHARED_CREDENTIALS_FILE"] = join(root, "aws-credentials");
	const places = findPlaces(env satisfies Environment, "linux", root);
	const warnings: ConfigWarning[] = [];
	const machine: Machine = {
		root,
		places,
		env,
		warnings,
		now: Date.now(),
		newIdentity: () =>
			new UserIdentity({
				places,
				env: () => env,
				now: () => machine.now,
				onWarning: (warning) => warnings.push(warning),
			}),
		read: (name) => readFile(join(places.data, name), "utf8").catch(() => undefined),
		mode: async (name) => (await stat(join(places.data, name))).mode & 0o777,
		files: async () => {
			const names = await readdir(places.data).catch(() => []);
			return names.map((name) => name.replace(/\d{8}T\d{6}\.\d{6}Z$/, "*")).sort(compareNames);
		},
		remove: () => rm(root, { recursive: true, force: true }),
	};
	return machine;
}

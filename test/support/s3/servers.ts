/** Which S3 servers this run has, and test groups that are repeated for each of them. */
import { afterAll, beforeAll, beforeEach, describe, vi } from "vitest";
import type { StoreTraits } from "../../contract/store.ts";
import { temporaryDirectory } from "../temporary.ts";
import { startTestGateway } from "./gateway.ts";
import { startProgram } from "./program.ts";
import { minio, versitygw } from "./programs.ts";
import type { S3Server } from "./server.ts";

export type ServerKind = {
	readonly name: string;
	start(): Promise<S3Server>;
	/** How its buckets depart from what S3 promises; `versioned`: only those with versions. */
	readonly traits: StoreTraits;
	readonly versioned: StoreTraits;
	/** Its buckets can be opened to everybody by a policy. */
	readonly hasPolicies?: boolean;
	/** It gives keys that may do less (`limitedKeys`). */
	readonly limitsKeys?: boolean;
};

const kinds: readonly ServerKind[] = [
	{
		name: "bale",
		start: () => startTestGateway({ origins: ["*"] }),
		// Objects are files, whose names are a byte shorter than they could be.
		traits: { segmentBytes: 254 },
		versioned: {},
	},
	{
		name: "versitygw",
		start: () => startProgram(versitygw),
		// Objects are files with lock files beside them: "a" and "a/b" cannot both be there, and names are shorter.
		traits: { segmentBytes: 200 },
		versioned: { deletedLeaveMarkers: true },
		hasPolicies: true,
	},
	{
		name: "minio",
		start: () => startProgram(minio),
		traits: { nestedObjects: "unlisted", refusesOddPrefixes: true },
		versioned: {},
		hasPolicies: true,
		limitsKeys: true,
	},
];

/** The servers that `BALE_TEST_S3_SERVERS` names (a tier sets it); all when it is not set. */
export const serverKinds = chooseKinds(process.env["BALE_TEST_S3_SERVERS"]);

function chooseKinds(names: string | undefined): readonly ServerKind[] {
	if (names === undefined) return kinds;
	return names.split(",").map((name) => {
		const kind = kinds.find((candidate) => candidate.name === name);
		if (kind === undefined) throw new Error(`BALE_TEST_S3_SERVERS names no server: ${name}`);
		return kind;
	});
}

/**
 * Registers the tests for each server of this run. Every kind is started once for the group and ended after it; its
 * keys and endpoint are in the environment of each test, which has a data directory of its own.
 */
export function onEachServer(define: (server: () => S3Server, kind: ServerKind) => void): void {
	describe.each(serverKinds)("on $name:", { timeout: 120_000 }, (kind) => {
		let server: S3Server | undefined;
		beforeAll(async () => {
			server = await kind.start();
		});
		afterAll(() => server?.stop());
		beforeEach(() => {
			for (const [name, value] of Object.entries(server?.environment ?? {})) vi.stubEnv(name, value);
			vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
		});
		define(() => {
			if (server === undefined) throw new Error(`${kind.name} is not started yet`);
			return server;
		}, kind);
	});
}

/** A registry in a bucket, read in full: pointers, and the manifests that they name. Reads only. */
import { isBaleError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { parsePackageName } from "../../core/names.ts";
import { isTopHash, type TopHash } from "../../core/top-hash.ts";
import type { Registry } from "../../registry/registry.ts";
import { mapPool } from "../../transfer/pool.ts";
import { plural, shortHash } from "../format.ts";
import { type Finding, fault, ok } from "./finding.ts";

const requestsAtOnce = 16;
/** Each is held as a whole. */
const manifestsAtOnce = 4;

/** Looks at every pointer and every manifest: one request for each. Throws what the bucket refuses. */
export async function checkRegistryBucket(registry: Registry, signal: AbortSignal): Promise<Finding[]> {
	const found: Finding[] = [];
	const manifests = new Set<TopHash>();
	for (const hash of await names(registry, layout.packagesPrefix, signal)) {
		if (isTopHash(hash)) manifests.add(hash);
		else found.push(foreign(registry, layout.packagesPrefix + hash));
	}
	let packages = 0;
	for await (const some of registry.names(signal)) {
		for (const name of some) {
			packages++;
			found.push(...(await checkPointers(registry, name, manifests, signal)));
		}
	}
	await mapPool(
		[...manifests],
		manifestsAtOnce,
		async (hash) => {
			const reason = await damage(registry, hash, signal);
			if (reason === undefined) return;
			found.push(
				fault(
					"damaged-manifest",
					"problem",
					`The manifest ${shortHash(hash)} in ${registry.location} is damaged: ${reason}`,
					"Restore it from an earlier version of the object, or from whoever has installed that revision (the same file in their local registry)",
				),
			);
		},
		signal,
	);
	if (found.length > 0) return found;
	const counted = `${plural(packages, "package")}, ${plural(manifests.size, "manifest")} read`;
	return [ok("registry", `Registry ${registry.location}: ${counted}`)];
}

async function checkPointers(
	registry: Registry,
	nameText: string,
	manifests: ReadonlySet<TopHash>,
	signal: AbortSignal,
): Promise<Finding[]> {
	const name = parsePackageName(nameText);
	const prefix = layout.pointerPrefix(name);
	const found: Finding[] = [];
	const pointers = await names(registry, prefix, signal);
	const isTimestamp = (pointer: string): boolean => /^\d+$/.test(pointer);
	const hasRevisions = pointers.some(isTimestamp);
	const remedy = hasRevisions
		? `Go back to a revision that is whole: bale rollback ${nameText}@HASH --registry ${registry.location}`
		: "Publish the package again";
	await mapPool(
		pointers,
		requestsAtOnce,
		async (pointer) => {
			if (pointer !== "latest" && !isTimestamp(pointer)) {
				found.push(foreign(registry, prefix + pointer));
				return;
			}
			const told = await registry.follow(name, pointer, signal).catch((error: unknown) => {
				if (!isBaleError(error, "CorruptPointer")) throw error;
				const what = `The pointer ${nameText}:${pointer} does not hold a top hash`;
				found.push(fault("corrupt-pointer", "problem", what, remedy));
			});
			if (told === undefined || manifests.has(told)) return;
			const what = `The pointer ${nameText}:${pointer} names ${shortHash(told)}, whose manifest is not there`;
			found.push(fault("dangling-pointer", "problem", what, remedy));
		},
		signal,
	);
	if (hasRevisions && !pointers.includes("latest")) {
		const what = `The package ${nameText} in ${registry.location} has revisions, but no latest one`;
		found.push(fault("latest-missing", "problem", what, remedy));
	}
	return found;
}

async function damage(registry: Registry, hash: TopHash, signal: AbortSignal): Promise<string | undefined> {
	try {
		await registry.read(hash, { signal });
		return undefined;
	} catch (error) {
		const codes = ["TopHashMismatch", "InvalidManifest", "DuplicateKey", "KeyCollision"] as const;
		if (isBaleError(error, ...codes)) return error.message;
		throw error;
	}
}

async function names(registry: Registry, prefix: string, signal: AbortSignal): Promise<string[]> {
	const found: string[] = [];
	for await (const item of registry.store.list(prefix, { signal })) {
		if (!("prefix" in item)) found.push(item.key.slice(prefix.length));
	}
	return found;
}

function foreign(registry: Registry, key: string): Finding {
	return fault(
		"foreign-file",
		"problem",
		`"${key}" lies in the registry ${registry.location} and is no part of it`,
		"Move it to another place in the bucket",
	);
}

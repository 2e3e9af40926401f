/** Opens buckets with the settings that every AWS tool reads. */
import { join } from "node:path";
import { BaleError } from "../core/errors.ts";
import { parsePhysicalKey } from "../core/physical-key.ts";
import type { CredentialSource } from "../storage/s3/client.ts";
import type { Addressing } from "../storage/s3/endpoint.ts";
import { S3Store } from "../storage/s3/s3-store.ts";
import { configuredEndpoint, configuredRegion, readProfile, type AwsProfile } from "./aws-profile.ts";
import { createNodeSha256 } from "./node-digest.ts";
import { findPlaces, type Environment } from "./places.ts";
import { credentialSource } from "./s3-credentials.ts";
import { transportFor } from "./s3-transport.ts";
import { FileServiceMemory } from "./service-memory.ts";
import { FileJournal } from "./upload-journal.ts";

export type S3Settings = {
	readonly region: string | undefined;
	readonly endpoint: string | undefined;
	readonly addressing: Addressing | undefined;
};

const opened = new Map<string, Promise<S3Store>>();

/**
 * The store of an `s3://bucket` or `s3://bucket/prefix`. Within a process the same place is one store as long as the
 * environment stays as it is, so that what was learnt about a bucket is not asked again.
 */
export async function openS3(location: string, env: Environment = process.env): Promise<S3Store> {
	const key = parsePhysicalKey(location);
	if (key.kind !== "s3" || key.versionId !== undefined) {
		throw new BaleError("InvalidUrl", `Cannot open ${location}: it is no bucket`, { details: { location } });
	}
	const relevant = Object.entries(env).filter(([name]) =>
		/^(AWS|BALE|QUILT|XDG)_|^(HOME|USERPROFILE)$|^(HTTPS?|NO)_PROXY$|^NODE_EXTRA_CA_CERTS$/i.test(name),
	);
	const id = JSON.stringify([key.bucket, key.key, relevant]);
	let store = opened.get(id);
	if (store === undefined) {
		const snapshot = { ...env };
		store = openBucket(key.bucket, key.key, snapshot);
		opened.set(id, store);
		store.catch(() => opened.delete(id));
	}
	return store;
}

/** Region, endpoint and addressing: variables first, then the profile in AWS's configuration file. */
export function s3Settings(env: Environment, profile: AwsProfile): S3Settings {
	const { values } = profile;
	const style = values.get("s3.addressing_style");
	return {
		region: configuredRegion(env, values),
		endpoint: configuredEndpoint("s3", env, profile),
		addressing: style === "path" || style === "virtual" ? style : undefined,
	};
}

async function openBucket(bucket: string, prefix: string, env: Environment): Promise<S3Store> {
	const settings = s3Settings(env, await readProfile(env));
	return new S3Store({
		bucket,
		prefix,
		...settings,
		transport: transportFor(env),
		createSha256: createNodeSha256,
		credentials: credentialsOf(env),
		journal: new FileJournal(join(findPlaces(env).baleData, "uploads")),
		memory: new FileServiceMemory(join(findPlaces(env).baleData, "services")),
	});
}

const sources = new Map<string, CredentialSource>();

/** One source for all buckets that are opened under the same environment. */
function credentialsOf(env: Environment): CredentialSource {
	const id = JSON.stringify(env);
	const source = sources.get(id) ?? credentialSource(env);
	sources.set(id, source);
	return source;
}

/** Opens buckets with the settings that every AWS tool reads. */
import { join } from "node:path";
import { BaleError } from "../core/errors.ts";
import { parsePhysicalKey } from "../core/physical-key.ts";
import type { Addressing, RegistrySettings } from "../core/registry-setting-names.ts";
import type { CredentialSource } from "../storage/s3/client.ts";
import { S3Store } from "../storage/s3/s3-store.ts";
import {
	configuredEndpoint,
	configuredRegion,
	profileName,
	readAwsFiles,
	type AwsProfile,
} from "./aws-profile.ts";
import { createNodeSha256 } from "./node-digest.ts";
import { findPlaces, type Environment } from "./places.ts";
import { settingsOfBucket } from "./registry-settings.ts";
import { credentialSource, keysHint } from "./s3-credentials.ts";
import { lanes } from "./lanes.ts";
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
	const own = await settingsOfBucket(key.bucket, findPlaces(env));
	const id = JSON.stringify([key.bucket, key.key, own, relevant]);
	let store = opened.get(id);
	if (store === undefined) {
		const snapshot = { ...env };
		store = openBucket(key.bucket, key.key, own, snapshot);
		opened.set(id, store);
		store.catch(() => opened.delete(id));
	}
	return store;
}

/**
 * Region, endpoint and addressing: what is set for the bucket, then the profile that is set for it, then variables, then
 * the profile of the environment.
 */
export function s3Settings(env: Environment, profile: AwsProfile, own: RegistrySettings = {}): S3Settings {
	const { values } = profile;
	const style = own.addressing ?? values.get("s3.addressing_style");
	const named = own.profile === undefined ? undefined : profile;
	return {
		region: own.region ?? named?.values.get("region") ?? configuredRegion(env, values),
		endpoint:
			own.endpoint ??
			(named === undefined ? undefined : configuredEndpoint("s3", ignoringOnly(env), named)) ??
			configuredEndpoint("s3", env, profile),
		addressing: style === "path" || style === "virtual" ? style : undefined,
	};
}

/** The server that a bucket is looked for on; undefined: AWS. */
export async function endpointOf(
	bucket: string,
	env: Environment = process.env,
): Promise<string | undefined> {
	const own = await settingsOfBucket(bucket, findPlaces(env));
	const profile = (await readAwsFiles(env)).profile(own.profile ?? profileName(env));
	return s3Settings(env, profile, own).endpoint;
}

/** Of the variables that concern endpoints only the one that turns them off. */
function ignoringOnly({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignored }: Environment): Environment {
	return { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignored };
}

async function openBucket(
	bucket: string,
	prefix: string,
	own: RegistrySettings,
	env: Environment,
): Promise<S3Store> {
	const { profile: named, requesterPays, encryption, kmsKeyId, anonymous } = own;
	const profile = (await readAwsFiles(env)).profile(named ?? profileName(env));
	return new S3Store({
		bucket,
		prefix,
		...s3Settings(env, profile, own),
		requesterPays,
		encryption,
		kmsKeyId,
		transport: transportFor(env),
		createSha256: createNodeSha256,
		lanes,
		...(anonymous === true
			? {
					keysHint: `It is set to be used without keys: bale config registry s3://${bucket} --unset anonymous`,
				}
			: { credentials: credentialsOf(env, named), keysHint: keysHint(env) }),
		journal: new FileJournal(join(findPlaces(env).baleData, "uploads")),
		memory: new FileServiceMemory(join(findPlaces(env).baleData, "services")),
	});
}

const sources = new Map<string, CredentialSource>();

/** One source for all buckets that are opened under the same environment with the same profile. */
function credentialsOf(env: Environment, profile: string | undefined): CredentialSource {
	const id = JSON.stringify([profile, env]);
	const source = sources.get(id) ?? credentialSource(env, profile);
	sources.set(id, source);
	return source;
}

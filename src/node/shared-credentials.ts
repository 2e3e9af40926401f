/** Keys for storage that the user has anyway: environment variables and AWS's shared credentials file. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./places.ts";
import { readSmallFile } from "./private-file.ts";

/** Keys for storage in the shape of the AWS SDK for JavaScript, version 3. */
export type Credentials = {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	readonly expiration?: Date;
};

/** Static keys from `AWS_*` variables, else from the profile `AWS_PROFILE` (default "default"); undefined when there are none. */
export async function profileCredentials(env: Environment): Promise<Credentials | undefined> {
	const fromEnvironment = toCredentials(
		env["AWS_ACCESS_KEY_ID"],
		env["AWS_SECRET_ACCESS_KEY"],
		env["AWS_SESSION_TOKEN"],
	);
	if (fromEnvironment !== undefined) return fromEnvironment;
	const path = env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(homedir(), ".aws", "credentials");
	const profile = parseProfile((await readSmallFile(path)) ?? "", env["AWS_PROFILE"] ?? "default");
	return toCredentials(
		profile.get("aws_access_key_id"),
		profile.get("aws_secret_access_key"),
		profile.get("aws_session_token"),
	);
}

function parseProfile(text: string, name: string): ReadonlyMap<string, string> {
	const values = new Map<string, string>();
	let isWanted = false;
	for (const line of text.split(/\r?\n/)) {
		const section = /^\s*\[\s*(.*?)\s*\]/.exec(line);
		if (section !== null) isWanted = section[1] === name;
		const pair = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line);
		if (isWanted && pair?.[1] !== undefined) values.set(pair[1].toLowerCase(), pair[2] ?? "");
	}
	return values;
}

function toCredentials(
	accessKeyId: string | undefined,
	secretAccessKey: string | undefined,
	sessionToken: string | undefined,
): Credentials | undefined {
	if (!accessKeyId || !secretAccessKey) return undefined;
	return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

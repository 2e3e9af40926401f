/** Keys for storage that the user has anyway: environment variables and AWS's shared files. */
import { readProfile, type Section } from "./aws-profile.ts";
import type { Environment } from "./places.ts";

/** Keys for storage in the shape of the AWS SDK for JavaScript, version 3. */
export type Credentials = {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	readonly expiration?: Date;
};

/** Static keys from `AWS_*` variables, else from the profile `AWS_PROFILE` (default "default"); undefined when there are none. */
export async function profileCredentials(env: Environment): Promise<Credentials | undefined> {
	return environmentCredentials(env) ?? staticCredentials((await readProfile(env)).values);
}

/** Keys from `AWS_*` variables. */
export function environmentCredentials(env: Environment): Credentials | undefined {
	return toCredentials(
		env["AWS_ACCESS_KEY_ID"],
		env["AWS_SECRET_ACCESS_KEY"],
		env["AWS_SESSION_TOKEN"] || env["AWS_SECURITY_TOKEN"],
	);
}

/** Keys that a profile holds itself. */
export function staticCredentials(profile: Section): Credentials | undefined {
	return toCredentials(
		profile.get("aws_access_key_id"),
		profile.get("aws_secret_access_key"),
		profile.get("aws_session_token"),
	);
}

/** Undefined unless both keys are there; `expiration` is any text that `Date` reads. */
export function toCredentials(
	accessKeyId: string | undefined,
	secretAccessKey: string | undefined,
	sessionToken: string | undefined,
	expiration?: string,
): Credentials | undefined {
	if (!accessKeyId || !secretAccessKey) return undefined;
	const expires = expiration === undefined ? Number.NaN : Date.parse(expiration);
	return {
		accessKeyId,
		secretAccessKey,
		...(sessionToken ? { sessionToken } : {}),
		...(Number.isNaN(expires) ? {} : { expiration: new Date(expires) }),
	};
}

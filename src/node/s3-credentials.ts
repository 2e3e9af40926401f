/** Which keys sign requests to buckets: those of the login, as with quilt3, else those that AWS tools would use. */
import { BaleError, isBaleError } from "../core/errors.ts";
import type { CredentialSource } from "../storage/s3/client.ts";
import { readProfile } from "./aws-profile.ts";
import { getCredentialProvider } from "./identity.ts";
import { containerCredentials, instanceCredentials, processCredentials } from "./machine-credentials.ts";
import type { Environment } from "./places.ts";
import { environmentCredentials, staticCredentials, type Credentials } from "./shared-credentials.ts";

/** How long keys are used before anybody is asked again, so that a login or a changed file counts soon. */
const keepMs = 30_000;
/** Keys that are valid for less than this are asked for again. */
const marginMs = 5 * 60_000;

/** How a profile says that its keys must be fetched in a way that bale does not have. */
const unsupportedKeys = [
	"sso_session",
	"sso_start_url",
	"role_arn",
	"web_identity_token_file",
	"login_session",
];

/** The keys of this process; undefined: there are none, and requests go out unsigned. */
export async function findCredentials(env: Environment): Promise<Credentials | undefined> {
	try {
		return await getCredentialProvider({ fallback: false })();
	} catch (error) {
		if (!isBaleError(error, "NotLoggedIn")) throw error;
	}
	const given = environmentCredentials(env);
	if (given !== undefined) return given;
	const { name, values } = await readProfile(env);
	const own = staticCredentials(values);
	if (own !== undefined && !values.has("role_arn")) return own;
	const command = values.get("credential_process");
	if (command !== undefined) return processCredentials(command, env);
	const unsupported = unsupportedKeys.find((key) => values.has(key));
	if (unsupported !== undefined || env["AWS_WEB_IDENTITY_TOKEN_FILE"]) {
		throw new BaleError(
			"Unsupported",
			`Cannot get credentials for the AWS profile "${name}": bale does not know ${unsupported ?? "web identities"}`,
			{
				hint: `Run: eval "$(aws configure export-credentials --profile ${name} --format env)"`,
				details: { profile: name, setting: unsupported ?? "AWS_WEB_IDENTITY_TOKEN_FILE" },
			},
		);
	}
	return (await containerCredentials(env)) ?? instanceCredentials(env);
}

/** Keeps what `find` gave until it is old or about to expire; several requests at once ask once. */
export function cachedCredentials(
	find: () => Promise<Credentials | undefined>,
	now: () => number = Date.now,
): CredentialSource {
	let held: { readonly keys: Promise<Credentials | undefined>; readonly at: number } | undefined;
	let expires = Infinity;
	return ({ refresh }) => {
		const time = now();
		const isGood = held !== undefined && time - held.at < keepMs && time < expires - marginMs;
		if (held !== undefined && isGood && !refresh) return held.keys;
		const keys = find();
		const mine = { keys, at: time };
		held = mine;
		expires = Infinity;
		keys.then(
			(found) => {
				if (held === mine) expires = found?.expiration?.getTime() ?? Infinity;
			},
			() => {
				if (held === mine) held = undefined;
			},
		);
		return keys;
	};
}

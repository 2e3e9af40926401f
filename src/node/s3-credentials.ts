/** Which keys sign requests to buckets: those of the login, as with quilt3, else those that AWS tools would use. */
import { display } from "../core/display.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import type { CredentialSource } from "../storage/s3/client.ts";
import { assumeRole, webIdentityKeys } from "./assumed-role.ts";
import { profileName, readAwsFiles, type AwsFiles } from "./aws-profile.ts";
import { getCredentialProvider } from "./identity.ts";
import { containerCredentials, instanceCredentials, processCredentials } from "./machine-credentials.ts";
import type { Environment } from "./places.ts";
import { singleSignOnKeys } from "./single-sign-on.ts";
import { environmentCredentials, staticCredentials, type Credentials } from "./shared-credentials.ts";

/** How long keys are used before anybody is asked again, so that a login or a changed file counts soon. */
const keepMs = 30_000;
/** Keys that are valid for less than this are asked for again. */
const marginMs = 5 * 60_000;

/** The keys of this process; undefined: there are none, and requests go out unsigned. */
export async function findCredentials(env: Environment): Promise<Credentials | undefined> {
	try {
		return await getCredentialProvider({ fallback: false })();
	} catch (error) {
		if (!isBaleError(error, "NotLoggedIn")) throw error;
	}
	const given = environmentCredentials(env);
	if (given !== undefined) return given;
	const files = await readAwsFiles(env);
	return (
		(await profileKeys(profileName(env), files, env, [])) ??
		(await containerCredentials(env)) ??
		instanceCredentials(env)
	);
}

/** The keys of a profile, in the order in which AWS tools look for them; undefined when it has none. */
async function profileKeys(
	name: string,
	files: AwsFiles,
	env: Environment,
	visited: readonly string[],
): Promise<Credentials | undefined> {
	const profile = files.profile(name);
	const { values } = profile;
	const own = staticCredentials(values);
	const source = values.get("source_profile");
	if (values.has("role_arn") && !values.has("web_identity_token_file") && !visited.includes(name)) {
		const next = [...visited, name];
		const isItself = source === name && own !== undefined;
		return assumeRole(
			profile,
			() =>
				isItself
					? Promise.resolve(own)
					: source === undefined
						? keysOfSource(values.get("credential_source"), env)
						: profileKeys(source, files, env, next),
			env,
		);
	}
	if (visited.includes(name)) {
		throw new BaleError(
			"InvalidConfig",
			`Cannot assume the role of the AWS profile "${display(name)}": source_profile leads back to it`,
			{ hint: "Correct source_profile in your AWS configuration", details: { profile: name } },
		);
	}
	const session = values.get("sso_session");
	const isSignOn = session !== undefined || values.has("sso_start_url");
	return (
		// The machine's own identity belongs to the profile that was asked for, not to those it builds on.
		(await webIdentityKeys(profile, visited.length === 0 ? env : withoutWebIdentity(env))) ??
		(isSignOn ? await singleSignOnKeys(profile, files.session(session ?? ""), env) : undefined) ??
		own ??
		(values.has("credential_process")
			? await processCredentials(values.get("credential_process") ?? "", env)
			: undefined)
	);
}

/** What `credential_source` names. */
function keysOfSource(kind: string | undefined, env: Environment): Promise<Credentials | undefined> {
	switch (kind) {
		case "Environment":
			return Promise.resolve(environmentCredentials(env));
		case "EcsContainer":
			return containerCredentials(env);
		case "Ec2InstanceMetadata":
			return instanceCredentials(env);
		default:
			return Promise.resolve(undefined);
	}
}

function withoutWebIdentity(env: Environment): Environment {
	return { ...env, AWS_WEB_IDENTITY_TOKEN_FILE: undefined };
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

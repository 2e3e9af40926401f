/** Which keys sign requests to buckets: those of the login, as with quilt3, else those that AWS tools would use. */
import { display } from "../core/display.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import type { CredentialSource } from "../storage/s3/client.ts";
import { assumeRole, webIdentityKeys } from "./assumed-role.ts";
import { awsPaths, profileName, readAwsFiles, type AwsFiles } from "./aws-profile.ts";
import { getCredentialProvider } from "./identity.ts";
import { containerCredentials, instanceCredentials, processCredentials } from "./machine-credentials.ts";
import type { Environment } from "./places.ts";
import { singleSignOnKeys } from "./single-sign-on.ts";
import { environmentCredentials, staticCredentials, type Credentials } from "./shared-credentials.ts";

/** How long it is taken for granted who is logged in, so that a login or its end counts soon. */
const loginMs = 30_000;
/** Keys that are valid for less than this are asked for again. */
const marginMs = 5 * 60_000;
/** What does not last, or is not there at all, is asked for this often and no more. */
const retryMs = 30_000;

/**
 * The keys of an environment, as a source that asks as seldom as it may: those that expire until five minutes before,
 * others once; a login is looked at anew every half minute, which costs no request. With `profile` only the keys of that
 * AWS profile.
 */
export function credentialSource(env: Environment, profile?: string): CredentialSource {
	if (profile !== undefined) return cachedCredentials(() => findProfileCredentials(profile, env));
	const login = cachedCredentials(findLoginCredentials, { keepMs: loginMs });
	const machine = cachedCredentials(() => findMachineCredentials(env));
	return async (options) => (await login(options)) ?? machine(options);
}

/** The keys of this process; undefined: there are none, and requests go out unsigned. */
export async function findCredentials(env: Environment): Promise<Credentials | undefined> {
	return (await findLoginCredentials()) ?? findMachineCredentials(env);
}

async function findLoginCredentials(): Promise<Credentials | undefined> {
	try {
		return await getCredentialProvider({ fallback: false })();
	} catch (error) {
		if (!isBaleError(error, "NotLoggedIn")) throw error;
		return undefined;
	}
}

async function findMachineCredentials(env: Environment): Promise<Credentials | undefined> {
	const given = environmentCredentials(env);
	if (given !== undefined) return given;
	const files = await readAwsFiles(env);
	const name = profileName(env);
	const keys = await profileKeys(name, files, env, []);
	if (keys !== undefined) return keys;
	// A profile that has no keys may still choose a region; one that is nowhere is a mistake.
	if (name !== "default" && !files.has(name)) {
		const variable = env["AWS_PROFILE"] ? "AWS_PROFILE" : "AWS_DEFAULT_PROFILE";
		throw unknownProfile(`${variable} names a profile that is not there: "${display(name)}"`, name, files);
	}
	return (await containerCredentials(env)) ?? instanceCredentials(env);
}

/** How a user can give keys, for hints. */
export function keysHint(env: Environment): string {
	const files = awsPaths(env).map(display).join(" or ");
	return `Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile of ${files} in AWS_PROFILE, or run "bale login"`;
}

function unknownProfile(what: string, name: string, { paths }: AwsFiles): BaleError {
	return new BaleError("InvalidConfig", what, {
		hint: `Look into ${paths.map(display).join(" and ")}; a public bucket needs no keys: bale config registry s3://BUCKET --anonymous`,
		details: { profile: name, files: [...paths] },
	});
}

/** `InvalidConfig` when the profile has none: whoever names a profile means no other keys. */
async function findProfileCredentials(name: string, env: Environment): Promise<Credentials> {
	const files = await readAwsFiles(env);
	const keys = await profileKeys(name, files, withoutWebIdentity(env), []);
	if (keys !== undefined) return keys;
	if (!files.has(name)) throw unknownProfile(`There is no AWS profile "${display(name)}"`, name, files);
	throw new BaleError("InvalidConfig", `The AWS profile "${display(name)}" has no keys`, {
		hint: "Check the name, and your AWS configuration: ~/.aws/config, ~/.aws/credentials",
		details: { profile: name },
	});
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

/**
 * Keeps what `find` gave for `keepMs` (default: for ever), but not beyond five minutes before it expires; several
 * requests at once ask once. Keys that cannot be renewed are used until they expire.
 */
export function cachedCredentials(
	find: () => Promise<Credentials | undefined>,
	{ keepMs = Infinity, now = Date.now }: { readonly keepMs?: number; readonly now?: () => number } = {},
): CredentialSource {
	let held: Promise<Credentials | undefined> | undefined;
	/** What `held` came to; undefined while nobody knows. */
	let known: { readonly keys: Credentials | undefined; readonly at: number } | undefined;
	const isGood = (time: number): boolean => {
		if (known === undefined) return true;
		const ageMs = time - known.at;
		const expires = known.keys?.expiration?.getTime() ?? Infinity;
		const lasts = known.keys !== undefined && time < expires - marginMs;
		return ageMs < keepMs && (lasts || (ageMs < retryMs && time < expires));
	};
	return ({ refresh }) => {
		const time = now();
		if (held !== undefined && (known === undefined || (!refresh && isGood(time)))) return held;
		const before = refresh ? undefined : known?.keys;
		const asked = find().catch((error: unknown) => {
			if (before?.expiration !== undefined && time < before.expiration.getTime()) return before;
			throw error;
		});
		known = undefined;
		held = asked;
		asked.then(
			(keys) => {
				if (held === asked) known = { keys, at: time };
			},
			() => {
				if (held === asked) held = undefined;
			},
		);
		return asked;
	};
}

/**
 * Keys of AWS's single sign-on. `aws sso login` leaves a token in `~/.aws/sso/cache`, in a file whose name is the SHA-1 of
 * the session's name, or of the start URL in profiles of the older form. Only tokens of sessions can be renewed.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { awsDirectory, type AwsProfile, type Section } from "./aws-profile.ts";
import { askService, serviceUrl } from "./aws-request.ts";
import type { Environment } from "./places.ts";
import { readSmallFile, replaceFile } from "./private-file.ts";
import { toCredentials, type Credentials } from "./shared-credentials.ts";

/** A token that is valid for less than this is renewed. */
const renewMs = 15 * 60_000;

type Json = Readonly<Record<string, unknown>>;
type SignOn = { readonly cacheName: string; readonly region: string; readonly renewable: boolean };

/** `LoginExpired` when somebody must log in again, `InvalidConfig` for a profile that lacks a setting. */
export async function singleSignOnKeys(
	profile: AwsProfile,
	session: Section | undefined,
	env: Environment,
): Promise<Credentials> {
	const { values } = profile;
	const accountId = required(profile, values, "sso_account_id");
	const roleName = required(profile, values, "sso_role_name");
	const signOn = readSignOn(profile, session);
	const accessToken = await readToken(profile, signOn, env);
	const query = new URLSearchParams({ role_name: roleName, account_id: accountId }).toString();
	const url = `${serviceUrl("sso", signOn.region, env, profile)}/federation/credentials?${query}`;
	const answer = await askService(url, { headers: { "x-amz-sso_bearer_token": accessToken } }, env);
	if (answer.status === 401) throw expired(profile);
	const keys = asObject(asObject(answer.json)["roleCredentials"]);
	const expiration = keys["expiration"];
	const found = toCredentials(
		textOf(keys["accessKeyId"]),
		textOf(keys["secretAccessKey"]),
		textOf(keys["sessionToken"]),
		typeof expiration === "number" ? new Date(expiration).toISOString() : undefined,
	);
	if (answer.status === 200 && found !== undefined) return found;
	throw new BaleError(
		answer.status >= 500 || answer.status === 429 ? "StoreUnavailable" : "AccessDenied",
		`Cannot get keys for the AWS profile "${display(profile.name)}": single sign-on answered ${answer.status}`,
		{
			hint: "Check sso_account_id and sso_role_name, and that you may use this role",
			details: { profile: profile.name, status: answer.status },
		},
	);
}

function readSignOn(profile: AwsProfile, session: Section | undefined): SignOn {
	const name = profile.values.get("sso_session");
	if (name === undefined) {
		const region = required(profile, profile.values, "sso_region");
		return { cacheName: required(profile, profile.values, "sso_start_url"), region, renewable: false };
	}
	if (session === undefined) throw incomplete(profile, `[sso-session ${name}]`);
	return { cacheName: name, region: required(profile, session, "sso_region"), renewable: true };
}

async function readToken(profile: AwsProfile, signOn: SignOn, env: Environment): Promise<string> {
	const digest = createHash("sha1").update(signOn.cacheName, "utf8").digest("hex");
	const path = join(awsDirectory(env), "sso", "cache", `${digest}.json`);
	const token = parseObject(await readSmallFile(path));
	const accessToken = textOf(token["accessToken"]);
	if (accessToken === undefined) throw expired(profile);
	const left = Date.parse(textOf(token["expiresAt"]) ?? "") - Date.now();
	if (left > renewMs) return accessToken;
	const renewed = signOn.renewable ? await renew(profile, signOn, token, env) : undefined;
	if (renewed !== undefined) {
		// Who cannot write there still has the token for now.
		await replaceFile(path, JSON.stringify(renewed), 0o600).catch(() => undefined);
		return renewed.accessToken;
	}
	if (left > 0) return accessToken;
	throw expired(profile);
}

/** The token with a new term; undefined when it cannot be renewed. */
async function renew(
	profile: AwsProfile,
	{ region }: SignOn,
	token: Json,
	env: Environment,
): Promise<(Json & { readonly accessToken: string }) | undefined> {
	const clientId = textOf(token["clientId"]);
	const clientSecret = textOf(token["clientSecret"]);
	const refreshToken = textOf(token["refreshToken"]);
	const registered = Date.parse(textOf(token["registrationExpiresAt"]) ?? "");
	if (!clientId || !clientSecret || !refreshToken || !(registered > Date.now())) return undefined;
	const body = JSON.stringify({ grantType: "refresh_token", clientId, clientSecret, refreshToken });
	const url = `${serviceUrl("sso_oidc", region, env, profile)}/token`;
	const headers = { "content-type": "application/json" };
	const answer = await askService(url, { method: "POST", headers, body }, env);
	const { accessToken, expiresIn, refreshToken: next } = asObject(answer.json);
	if (answer.status !== 200 || typeof accessToken !== "string" || typeof expiresIn !== "number") {
		return undefined;
	}
	const expiresAt = new Date(Date.now() + expiresIn * 1000).toISOString().replace(/\.\d+/, "");
	return { ...token, accessToken, expiresAt, refreshToken: textOf(next) ?? refreshToken };
}

function required(profile: AwsProfile, section: Section, name: string): string {
	return section.get(name) || raise(incomplete(profile, name));
}

function raise(error: BaleError): never {
	throw error;
}

function incomplete(profile: AwsProfile, setting: string): BaleError {
	return new BaleError(
		"InvalidConfig",
		`Cannot use single sign-on of the AWS profile "${display(profile.name)}": ${display(setting)} is missing`,
		{
			hint: `Run: aws configure sso --profile ${display(profile.name)}`,
			details: { profile: profile.name, setting },
		},
	);
}

function expired(profile: AwsProfile): BaleError {
	return new BaleError(
		"LoginExpired",
		`Cannot get keys for the AWS profile "${display(profile.name)}": its single sign-on has no valid login`,
		{
			hint: `Run: aws sso login --profile ${display(profile.name)}`,
			details: { profile: profile.name },
		},
	);
}

function parseObject(text: string | undefined): Json {
	try {
		return asObject(JSON.parse(text ?? "null"));
	} catch {
		return {};
	}
}

function asObject(value: unknown): Json {
	return typeof value === "object" && value !== null ? (value as Json) : {};
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

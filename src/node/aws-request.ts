/** Requests to the services of AWS that give keys. What goes out and comes in is secret: errors quote only codes. */
import { display } from "../core/display.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import { digestOnce } from "../core/hash.ts";
import { formatHex } from "../core/hex.ts";
import { encodeUtf8 } from "../core/utf8.ts";
import { send, type Answer } from "../identity/http.ts";
import { readErrorCode, readStsCredentials } from "../storage/s3/document.ts";
import { awsDomain } from "../storage/s3/endpoint.ts";
import { Signer } from "../storage/s3/signature.ts";
import { configuredEndpoint, configuredRegion, type AwsProfile } from "./aws-profile.ts";
import { createNodeSha256 } from "./node-digest.ts";
import type { Environment } from "./places.ts";
import { proxiedFetch } from "./proxied-fetch.ts";
import { toCredentials, type Credentials } from "./shared-credentials.ts";

export type AwsRequest = {
	readonly method?: "GET" | "POST";
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
};

/** Sends one request; throws `StoreUnavailable` when there is no answer. Redirects are not followed. */
export async function askService(url: string, request: AwsRequest, env: Environment): Promise<Answer> {
	const network = { fetch: (address: string, init: RequestInit) => proxiedFetch(address, init, env) };
	try {
		return await send(network, url, request);
	} catch (error) {
		if (!isBaleError(error, "IdentityUnavailable")) throw error;
		throw new BaleError("StoreUnavailable", error.message, {
			hint: "Check the network, the region and the endpoint of your AWS profile",
			details: error.details,
		});
	}
}

/** Where a service is: as configured, else AWS's own address in the region. */
export function serviceUrl(
	service: "sts" | "sso" | "sso_oidc",
	region: string,
	env: Environment,
	profile: AwsProfile,
): string {
	const configured = configuredEndpoint(service, env, profile);
	if (configured !== undefined) return configured.replace(/\/+$/, "");
	if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(region)) {
		throw new BaleError("InvalidConfig", `Cannot use "${display(region)}" as a region of AWS`, {
			hint: `Correct the region of the AWS profile "${display(profile.name)}"`,
			details: { profile: profile.name, region },
		});
	}
	const host = { sts: "sts", sso: "portal.sso", sso_oidc: "oidc" }[service];
	return `https://${host}.${region}.${awsDomain(region)}`;
}

/**
 * Keys from the Security Token Service; signed when there are `keys` to sign with. `AccessDenied` with the service's
 * code for a refusal, `LoginExpired` when the keys or the token are too old.
 */
export async function askSts(
	parameters: Readonly<Record<string, string | undefined>>,
	keys: Credentials | undefined,
	profile: AwsProfile,
	env: Environment,
): Promise<Credentials> {
	const region = configuredRegion(env, profile.values) ?? "us-east-1";
	const url = `${serviceUrl("sts", region, env, profile)}/`;
	const form = new URLSearchParams({ Version: "2011-06-15" });
	for (const [name, value] of Object.entries(parameters)) if (value !== undefined) form.set(name, value);
	const body = form.toString();
	const plain = { "content-type": "application/x-www-form-urlencoded; charset=utf-8", accept: "text/xml" };
	const { host, pathname } = new URL(url);
	const payloadHash = formatHex(digestOnce(encodeUtf8(body), createNodeSha256));
	const signed: Record<string, string> =
		keys === undefined
			? plain
			: new Signer(createNodeSha256).sign(
					{ method: "POST", path: pathname, query: "", headers: { ...plain, host }, payloadHash },
					keys,
					{ region, time: Date.now(), service: "sts" },
				);
	const { host: _host, accept: Accept = "text/xml", ...headers } = signed;
	const answer = await askService(url, { method: "POST", headers: { ...headers, Accept }, body }, env);
	if (answer.status !== 200) throw refused(parameters["Action"] ?? "", answer, profile);
	const found = readStsCredentials(answer.text);
	const result = toCredentials(
		found?.accessKeyId,
		found?.secretAccessKey,
		found?.sessionToken,
		found?.expiration,
	);
	if (result === undefined) throw refused(parameters["Action"] ?? "", answer, profile);
	return result;
}

function refused(action: string, answer: Answer, profile: AwsProfile): BaleError {
	const code = readErrorCode(answer.text) ?? "";
	const details = { action: `sts:${action}`, profile: profile.name, status: answer.status, code };
	const told = [answer.status, display(code.slice(0, 100))].filter((part) => part !== "").join(" ");
	const sentence = `Cannot get keys for the AWS profile "${display(profile.name)}" by ${action}: the service answered ${told}`;
	if (/^(ExpiredToken|ExpiredTokenException)$/.test(code)) {
		return new BaleError("LoginExpired", sentence, { hint: "Renew the token or the source keys", details });
	}
	if (answer.status >= 500 || answer.status === 429) {
		return new BaleError("StoreUnavailable", sentence, { hint: "Try again", details });
	}
	return new BaleError("AccessDenied", sentence, {
		hint: "Check role_arn, the source keys, and the trust policy of the role",
		details,
	});
}

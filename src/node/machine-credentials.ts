/** Keys that the machine gives to what runs on it: a program named in a profile, a container's or an instance's role. */
import { exec } from "node:child_process";
import { readFile } from "node:fs/promises";
import { BaleError } from "../core/errors.ts";
import type { Environment } from "./places.ts";
import { toCredentials, type Credentials } from "./shared-credentials.ts";

const requestMs = 1_000;
const processMs = 60_000;
const answerBytes = 64 * 1024;

/** What the program of `credential_process` prints (version 1 of AWS's format). Throws `AccessDenied` when it fails. */
export async function processCredentials(command: string, env: Environment): Promise<Credentials> {
	const output = await new Promise<string>((resolve, reject) => {
		exec(command, { env, timeout: processMs, maxBuffer: answerBytes, windowsHide: true }, (error, stdout) => {
			if (error === null) resolve(stdout);
			else reject(processFailed(error.code === undefined ? "it was ended" : `it ended with ${error.code}`));
		});
	});
	const found = readKeys(output, "SessionToken");
	if (found === undefined) throw processFailed("it printed no keys");
	return found;
}

/** The role of a container; undefined when the environment names none. */
export async function containerCredentials(env: Environment): Promise<Credentials | undefined> {
	const relative = env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
	const full = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
	if (!relative && !full) return undefined;
	const url = relative ? `http://169.254.170.2${relative}` : String(full);
	if (!isContainerAddress(url)) {
		throw new BaleError("InvalidConfig", `Cannot ask ${url} for credentials: it is not on this machine`, {
			hint: "Correct AWS_CONTAINER_CREDENTIALS_FULL_URI",
			details: { url },
		});
	}
	const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
	const token = file ? (await readFile(file, "utf8")).trim() : env["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
	const text = await ask(url, token ? { authorization: token } : {});
	return text === undefined ? undefined : readKeys(text, "Token");
}

/** The role of the instance that this machine is; undefined on other machines and with `AWS_EC2_METADATA_DISABLED`. */
export async function instanceCredentials(env: Environment): Promise<Credentials | undefined> {
	if (env["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
	const service = env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || "http://169.254.169.254";
	const base = `${service.replace(/\/+$/, "")}/latest`;
	const lifetime = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };
	const token = await ask(`${base}/api/token`, lifetime, "PUT");
	if (token === undefined) return undefined;
	const headers = { "x-aws-ec2-metadata-token": token };
	const roles = `${base}/meta-data/iam/security-credentials/`;
	const role = (await ask(roles, headers))?.split("\n")[0]?.trim();
	if (!role) return undefined;
	const text = await ask(roles + encodeURIComponent(role), headers);
	return text === undefined ? undefined : readKeys(text, "Token");
}

/** Secrets go to this machine, to the addresses that containers have, or encrypted. */
function isContainerAddress(text: string): boolean {
	let url: URL;
	try {
		url = new URL(text);
	} catch {
		return false;
	}
	if (url.protocol === "https:") return true;
	const local = /^(localhost|127(\.\d+){3}|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/;
	return url.protocol === "http:" && local.test(url.hostname);
}

function readKeys(text: string, tokenName: string): Credentials | undefined {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (typeof value !== "object" || value === null) return undefined;
	const field = (name: string): string | undefined => {
		const found = (value as Record<string, unknown>)[name];
		return typeof found === "string" ? found : undefined;
	};
	return toCredentials(field("AccessKeyId"), field("SecretAccessKey"), field(tokenName), field("Expiration"));
}

async function ask(
	url: string,
	headers: Record<string, string>,
	method: "GET" | "PUT" = "GET",
): Promise<string | undefined> {
	try {
		const signal = AbortSignal.timeout(requestMs);
		const response = await fetch(url, { method, headers, signal, redirect: "error" });
		const text = await response.text();
		return response.ok && text.length <= answerBytes ? text : undefined;
	} catch {
		return undefined;
	}
}

function processFailed(state: string): BaleError {
	return new BaleError("AccessDenied", `Cannot get credentials from credential_process: ${state}`, {
		hint: "Run the command of your AWS profile by hand to see what it says",
	});
}

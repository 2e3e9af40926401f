import { text as readAll } from "node:stream/consumers";
import { BaleError } from "../../core/errors.ts";
import { currentIdentity, login, loginWithApiKey } from "../../node/identity.ts";
import type { Invocation, Report } from "../command.ts";
import { listSettings } from "../configuration.ts";
import { usageError } from "../options.ts";

/** `bale login` */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options } = invocation;
	const code = options.text("code");
	const key = options.text("api-key");
	if (code !== undefined && key !== undefined)
		throw usageError(spec, "--code and --api-key exclude each other");
	if (options.flag("dry-run")) return await announce();
	return key === undefined
		? await logInWithCode(invocation, code === "-" ? (await readAll(process.stdin)).trim() : code)
		: await checkApiKey(key === "-" ? (await readAll(process.stdin)).trim() : key);
}

async function logInWithCode(
	{ options, output, signal }: Invocation,
	code: string | undefined,
): Promise<Report> {
	const { service, catalog } = await login({
		...(code === undefined ? {} : { code }),
		browser: !options.flag("no-browser"),
		print: (line) => output.error(output.display(line)),
		signal,
	});
	const where = catalog ?? service;
	return {
		document: { catalog, service, method: "code", stored: true, dryRun: false },
		ids: [where],
		data: [],
		notes: [`Logged in to ${output.display(where)}`],
	};
}

/** A key is kept nowhere; it is tried, so that one knows before a script fails. */
async function checkApiKey(key: string): Promise<Report> {
	const { service, catalog } = await home();
	await loginWithApiKey(key);
	const session = await currentIdentity().session();
	await session?.credentials();
	return {
		document: { catalog, service, method: "api-key", stored: false, dryRun: false },
		ids: [catalog ?? service],
		data: [],
		notes: [
			`${service} accepts the key; it is not stored`,
			"Next: put it into the environment of the commands that need it, as BALE_API_KEY or QUILT_API_KEY",
		],
	};
}

async function announce(): Promise<Report> {
	const { service, catalog } = await home();
	const page = `${service.replace(/\/+$/, "")}/login`;
	return {
		document: { catalog, service, method: "code", stored: false, dryRun: true },
		ids: [catalog ?? service],
		data: [],
		notes: [`Would log in to ${service} with a code from ${page}`],
	};
}

async function home(): Promise<{ readonly service: string; readonly catalog: string | null }> {
	const settings = await listSettings();
	const text = (key: string): string | null => {
		const value = settings.find((setting) => setting.key === key)?.value;
		return typeof value === "string" ? value : null;
	};
	const service = text("registryUrl");
	if (service !== null) return { service, catalog: text("navigator_url") };
	throw new BaleError("InvalidConfig", "Cannot log in: no catalog is configured", {
		hint: "Choose one first: bale config URL",
	});
}

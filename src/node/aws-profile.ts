/** AWS's shared files: `~/.aws/credentials` and `~/.aws/config`, as every AWS tool reads them. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./places.ts";
import { readSmallFile } from "./private-file.ts";

/** Names and values of one section; those of nested ones are `outer.inner`. */
export type Section = ReadonlyMap<string, string>;

export type AwsProfile = {
	readonly name: string;
	/** The profile in both files; the credentials file wins. */
	readonly values: Section;
	/** The `[services …]` section that the profile names. */
	readonly services: Section;
};

export type AwsFiles = {
	/** Where they were looked for. */
	readonly paths: readonly string[];
	/** Whether one of them has the profile. */
	has(name: string): boolean;
	/** Empty when neither file has it. */
	profile(name: string): AwsProfile;
	/** The `[sso-session …]` section of that name. */
	session(name: string): Section | undefined;
};

/** The profile `AWS_PROFILE` (default: `default`); empty when there is none. */
export async function readProfile(env: Environment): Promise<AwsProfile> {
	return (await readAwsFiles(env)).profile(profileName(env));
}

export function profileName(env: Environment): string {
	return env["AWS_PROFILE"] || env["AWS_DEFAULT_PROFILE"] || "default";
}

/** Both files, as they are now. */
export async function readAwsFiles(env: Environment): Promise<AwsFiles> {
	const paths = awsPaths(env);
	const texts = await Promise.all(paths.map((path) => readSmallFile(path)));
	const [config, credentials] = texts.map((text) => parseSections(text ?? ""));
	return {
		paths,
		has: (name) =>
			config?.has(`profile ${name}`) === true ||
			credentials?.has(name) === true ||
			(name === "default" && config?.has(name) === true),
		profile(name) {
			const values = new Map([
				...(name === "default" ? (config?.get("default") ?? []) : []),
				...(config?.get(`profile ${name}`) ?? []),
				...(credentials?.get(name) ?? []),
			]);
			const services = config?.get(`services ${values.get("services") ?? ""}`) ?? new Map<string, string>();
			return { name, values, services };
		},
		session: (name) => config?.get(`sso-session ${name}`),
	};
}

/** Where both files are, the configuration first. */
export function awsPaths(env: Environment): readonly string[] {
	const place = (variable: string, file: string): string => env[variable] || join(awsDirectory(env), file);
	return [place("AWS_CONFIG_FILE", "config"), place("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
}

/** `~/.aws` */
export function awsDirectory(env: Environment): string {
	return join((process.platform === "win32" ? env["USERPROFILE"] : env["HOME"]) || homedir(), ".aws");
}

/** The endpoint that variables or the profile set for a service, such as `s3` or `sts`. */
export function configuredEndpoint(
	service: string,
	env: Environment,
	{ values, services }: Pick<AwsProfile, "values" | "services">,
): string | undefined {
	const ignored =
		env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] || values.get("ignore_configured_endpoint_urls") || "";
	if (ignored.toLowerCase() === "true") return undefined;
	return (
		env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ||
		env["AWS_ENDPOINT_URL"] ||
		services.get(`${service}.endpoint_url`) ||
		values.get("endpoint_url")
	);
}

export function configuredRegion(env: Environment, values: Section): string | undefined {
	return env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || values.get("region");
}

/** The sections of such a file by name, with one space inside the name. Lines that say nothing are skipped. */
export function parseSections(text: string): ReadonlyMap<string, Section> {
	const sections = new Map<string, Map<string, string>>();
	let section: Map<string, string> | undefined;
	let outer = "";
	for (const line of text.split(/\r?\n/)) {
		if (/^\s*(?:[#;]|$)/.test(line)) continue;
		const title = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1];
		if (title !== undefined) {
			const name = title.replace(/\s+/g, " ").replace(/^(profile|services|sso-session) "(.*)"$/, "$1 $2");
			section = sections.get(name) ?? new Map();
			sections.set(name, section);
			outer = "";
			continue;
		}
		const pair = /^(\s*)([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
		if (pair === null || section === undefined) continue;
		const [, indent = "", rawName = "", value = ""] = pair;
		const name = rawName.toLowerCase();
		if (indent !== "" && outer !== "") section.set(`${outer}.${name}`, value);
		else {
			section.set(name, value);
			outer = value === "" ? name : "";
		}
	}
	return sections;
}

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

/** The profile `AWS_PROFILE` (default: `default`); empty when there is none. */
export async function readProfile(env: Environment): Promise<AwsProfile> {
	const name = env["AWS_PROFILE"] || env["AWS_DEFAULT_PROFILE"] || "default";
	const place = (variable: string, file: string): string => env[variable] || join(homedir(), ".aws", file);
	const [config, credentials] = await Promise.all([
		readSmallFile(place("AWS_CONFIG_FILE", "config")),
		readSmallFile(place("AWS_SHARED_CREDENTIALS_FILE", "credentials")),
	]);
	const sections = parseSections(config ?? "");
	const values = new Map([
		...(name === "default" ? (sections.get("default") ?? []) : []),
		...(sections.get(`profile ${name}`) ?? []),
		...(parseSections(credentials ?? "").get(name) ?? []),
	]);
	return { name, values, services: sections.get(`services ${values.get("services") ?? ""}`) ?? new Map() };
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

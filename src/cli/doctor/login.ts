/** The files that hold logins. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Places } from "../../node/places.ts";
import { type Finding, fault, ok, reasonOf } from "./finding.ts";

/** Looks at the login files of quilt3 and bale; their content is never shown. */
export function checkLogin(places: Places): Finding[] {
	const files = [
		join(places.data, "auth.json"),
		join(places.data, "credentials.json"),
		join(places.baleData, "credentials.json"),
	];
	const faults = files.flatMap(checkFile);
	return faults.length === 0 ? [ok("login-files", "Login files")] : faults;
}

function checkFile(path: string): Finding[] {
	let text: string;
	let mode: number;
	try {
		text = readFileSync(path, "utf8");
		mode = statSync(path).mode;
	} catch (error) {
		const code = error instanceof Error && "code" in error ? error.code : undefined;
		if (code === "ENOENT" || code === "ENOTDIR") return [];
		return [
			fault(
				"login-file",
				"problem",
				`The login file "${path}" cannot be read: ${reasonOf(error)}`,
				`Make it yours (chmod 600 "${path}"), or remove it and log in again`,
				path,
			),
		];
	}
	const faults: Finding[] = [];
	if (!isRecord(text)) {
		faults.push(
			fault(
				"login-file",
				"problem",
				`The login file "${path}" is damaged, so that nobody is logged in`,
				`Remove it and log in again: rm "${path}" && bale login`,
				path,
			),
		);
	}
	if (process.platform !== "win32" && (mode & 0o077) !== 0) {
		faults.push(
			fault(
				"login-permissions",
				"problem",
				`The login file "${path}" can be read by other users of this machine`,
				`Close it: chmod 600 "${path}"; when others may have read it, also log out and in again`,
				path,
			),
		);
	}
	return faults;
}

function isRecord(text: string): boolean {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null && !Array.isArray(value);
	} catch {
		return false;
	}
}

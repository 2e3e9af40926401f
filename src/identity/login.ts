/** The dialogue of a login: show a page, ask for the code that it displays. */
import { BaleError } from "../core/errors.ts";
import { checkSecure } from "./http.ts";

export type LoginDialogue = {
	/** Shows a line to the user. */
	readonly print: (line: string) => void;
	/** Asks without showing what is typed. */
	readonly prompt: (question: string) => Promise<string>;
	/** Opens a page in a browser; absent when the user does not want that. */
	readonly openBrowser?: ((url: string) => Promise<void>) | undefined;
};

/**
 * Gets a code from the user. The host is shown before anything is opened, and a browser that does not start is no failure.
 * `InvalidArgument` for an empty answer.
 */
export async function askForCode(
	service: string,
	dialogue: LoginDialogue,
	allowInsecure: boolean,
): Promise<string> {
	const { host } = checkSecure(service, allowInsecure);
	const page = `${service.replace(/\/+$/, "")}/login`;
	if (dialogue.openBrowser === undefined) {
		dialogue.print(`To log in at ${host}, open this page:`);
		dialogue.print(page);
	} else {
		dialogue.print(`Opening a browser to log in at ${host}. If it does not appear, open this page:`);
		dialogue.print(page);
		try {
			await dialogue.openBrowser(page);
		} catch {
			dialogue.print("No browser could be started.");
		}
	}
	return readCode(await dialogue.prompt("Code from the page: "));
}

/** A code as it is sent: without the blanks that copying adds. `InvalidArgument` when nothing is left. */
export function readCode(text: string): string {
	const code = text.trim();
	if (code === "") {
		throw new BaleError("InvalidArgument", "Cannot log in: no code was given", {
			hint: "Copy the code from the login page",
		});
	}
	return code;
}

/** An API key as it is sent. `InvalidArgument` when it is none; the message does not repeat it. */
export function readApiKey(key: string): string {
	if (!/^qk_[\x21-\x7e]+$/.test(key)) {
		throw new BaleError("InvalidArgument", 'Cannot use the API key: it does not begin with "qk_"', {
			hint: "Copy the whole key as it was shown when it was made",
		});
	}
	return key;
}

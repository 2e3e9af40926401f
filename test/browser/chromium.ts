/** Chromium with one page, which may ask nobody but the servers of the test. */
import { type Browser, chromium, type Page } from "playwright-core";
import { findTool } from "../../scripts/tools.mjs";

/** Nothing that talks to the outside on its own, whatever the machine allows. */
const quiet = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

function browserTool(): { program: string; libraries: string | undefined } {
	const given = process.env["BALE_TEST_CHROMIUM"];
	if (given !== undefined) return { program: given, libraries: process.env["BALE_TEST_CHROMIUM_LIBRARIES"] };
	const found = findTool("chromium");
	if (found.missing !== undefined) throw new Error(`${found.missing}. ${found.fix}.`);
	const { BALE_TEST_CHROMIUM: program = "", BALE_TEST_CHROMIUM_LIBRARIES: libraries } = found.env;
	return { program, libraries };
}

export type TestPage = {
	readonly page: Page;
	/** Errors that nobody caught, and addresses outside of `allowed` that were asked. */
	readonly problems: readonly string[];
	/** Calls a function that a module, an address, exports; arguments and result are JSON. */
	call<T>(module: string, name: string, ...args: readonly unknown[]): Promise<T>;
	close(): Promise<void>;
};

/** Opens `url`; every request must begin with one of `allowed`. */
export async function openPage(url: string, allowed: readonly string[]): Promise<TestPage> {
	const { program, libraries } = browserTool();
	const browser: Browser = await chromium.launch({
		executablePath: program,
		args: quiet,
		headless: true,
		env: { ...(process.env as Record<string, string>), ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) },
	});
	const page = await browser.newPage();
	const problems: string[] = [];
	page.on("pageerror", (error) => problems.push(String(error)));
	page.on("request", (request) => {
		const isAllowed = allowed.some((start) => request.url().startsWith(start));
		if (!isAllowed) problems.push(`asked ${request.url()}`);
	});
	await page.goto(url);
	return {
		page,
		problems,
		call: (module, name, ...args) =>
			page.evaluate(
				`import(${JSON.stringify(module)}).then((page) => page[${JSON.stringify(name)}](...${JSON.stringify(args)}))`,
			),
		close: () => browser.close(),
	};
}

import { planCatalog } from "../../core/config.ts";
import type { ResolvedSetting } from "../../core/config.ts";
import { BaleError } from "../../core/errors.ts";
import { fetchCatalogConfig } from "../../identity/catalog.ts";
import { config } from "../../node/identity.ts";
import { proxiedFetch } from "../../node/proxied-fetch.ts";
import type { Invocation, Report } from "../command.ts";
import { asObject, changeReport, changeSettings, configPath, listSettings } from "../configuration.ts";
import { usageError } from "../options.ts";

/** `bale config`, in quilt3's forms. */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, words, options } = invocation;
	const [url] = words;
	const pairs = options.list("set");
	if (url !== undefined && pairs.length > 0) {
		throw usageError(
			spec,
			"A URL and --set exclude each other",
			"Run bale config twice: first the URL, then --set",
		);
	}
	if (pairs.length > 0) return await changeSettings(invocation, readPairs(invocation, pairs));
	if (url === undefined) return await show();
	return url === "" ? await reset(invocation) : await choose(invocation, url);
}

async function show(): Promise<Report> {
	const settings = await listSettings();
	const catalog = settings.find(({ key }) => key === "navigator_url")?.value ?? null;
	return {
		document: { path: configPath(), dryRun: false, changed: [], settings: asObject(settings) },
		ids: typeof catalog === "string" ? [catalog] : [],
		data: [typeof catalog === "string" ? catalog : "<None>"],
		notes: catalog === null ? ["No catalog is configured; choose one: bale config URL"] : [],
	};
}

function readPairs({ spec }: Invocation, pairs: readonly string[]): Record<string, string> {
	return Object.fromEntries(
		pairs.map((pair) => {
			const mark = pair.indexOf("=");
			if (mark < 1) throw usageError(spec, `--set "${pair}" is not of the form KEY=VALUE`);
			return [pair.slice(0, mark), pair.slice(mark + 1)];
		}),
	);
}

async function reset(invocation: Invocation): Promise<Report> {
	const { options, output } = invocation;
	const dryRun = options.flag("dry-run");
	const before = await listSettings().catch(() => []);
	const changed = before.filter(({ origin }) => origin === "file");
	if (!dryRun) await config("", { onWarning: ({ code, message }) => output.warn(code, message) });
	const after = dryRun ? before : await listSettings();
	return changeReport(
		invocation,
		after,
		after.filter(({ key }) => changed.some((setting) => setting.key === key)),
		dryRun,
	);
}

async function choose(invocation: Invocation, url: string): Promise<Report> {
	const { options, output, signal } = invocation;
	const before = await listSettings().catch(() => [] as readonly ResolvedSetting[]);
	if (options.flag("dry-run")) {
		const { document, url: catalog } = await fetchCatalogConfig(
			{
				fetch: (address, init) => proxiedFetch(address, init),
				userAgent: "bale",
				allowInsecure: ["1", "true"].includes((invocation.env["BALE_ALLOW_INSECURE"] ?? "").toLowerCase()),
			},
			url,
			signal,
		);
		const present = new Map(before.map(({ key, value }) => [key, value]));
		const plan = planCatalog(present, document, catalog, {
			localRegistry: "",
			fileUrl: undefined,
		});
		const after = before.map((setting) => ({ ...setting, value: plan.get(setting.key) ?? setting.value }));
		return changeReport(invocation, after, differences(before, after), true);
	}
	try {
		await config(url, { signal, onWarning: ({ code, message }) => output.warn(code, message) });
	} catch (error) {
		if (!(error instanceof BaleError) || error.code !== "InvalidConfig") throw error;
		throw withSubcommandHint(error, url);
	}
	const after = await listSettings();
	return changeReport(invocation, after, differences(before, after), false);
}

/** Somebody who writes `bale config region` means `bale config get region`. */
function withSubcommandHint(error: BaleError, word: string): BaleError {
	if (!/^[A-Za-z_0-9]+$/.test(word)) return error;
	return new BaleError("InvalidConfig", error.message, {
		hint: `To print one setting: bale config get ${word}`,
		details: error.details,
		cause: error,
	});
}

function differences(
	before: readonly ResolvedSetting[],
	after: readonly ResolvedSetting[],
): ResolvedSetting[] {
	return after.filter(({ key, value }) => {
		const old = before.find((setting) => setting.key === key);
		return JSON.stringify(old?.value ?? null) !== JSON.stringify(value);
	});
}

import type { Invocation, Report } from "../command.ts";
import { configPath, listSettings, valueText } from "../configuration.ts";

/** `bale config list` */
export async function run({ options, output }: Invocation): Promise<Report> {
	const settings = await listSettings();
	const withOrigin = options.flag("origin");
	return {
		document: {
			path: configPath(),
			settings: settings.map(({ key, value, origin, source }) => ({
				key,
				value,
				origin,
				source: source ?? null,
			})),
		},
		ids: settings.map(({ key }) => key),
		data: settings.map(({ key, value, origin, source }) => {
			const line = `${key}: ${valueText(value)}`.trimEnd();
			const from = source === undefined ? origin : `${origin}, ${source}`;
			return output.display(withOrigin ? `${line}  (${from})` : line);
		}),
	};
}

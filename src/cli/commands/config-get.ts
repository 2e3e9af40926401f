import { configKeys, keyOf } from "../../core/config-keys.ts";
import { BaleError } from "../../core/errors.ts";
import type { Invocation, Report } from "../command.ts";
import { listSettings, valueText } from "../configuration.ts";
import { suggest } from "../suggest.ts";

/** `bale config get` */
export async function run({ words, output }: Invocation): Promise<Report> {
	const key = keyOf(words[0] ?? "");
	const setting = (await listSettings()).find((candidate) => candidate.key === key);
	if (setting === undefined) {
		const close = suggest(key, configKeys);
		throw new BaleError("InvalidConfig", `There is no setting "${key}"`, {
			hint: close === undefined ? "bale config list shows all settings" : `Did you mean ${close}?`,
			details: { key },
		});
	}
	const { value, origin, source } = setting;
	const text = valueText(value);
	return {
		document: { key, value, origin, source: source ?? null },
		ids: text === "" ? [] : [text],
		data: text === "" ? [] : [output.display(text)],
		notes: text === "" ? [`${key} is not set`] : [],
	};
}

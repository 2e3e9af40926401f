/** Steps that make a package, and their meaning in bale. `driver.py` gives them the same meaning in quilt3. */
import { parseJson } from "../../src/core/json.ts";
import { Package } from "../../src/index.ts";

/** Sources are absolute paths. Metadata is JSON text; without it none is given. */
export type Step =
	| { readonly op: "set"; readonly key: string; readonly src: string; readonly meta_json?: string }
	| {
			readonly op: "set_dir";
			readonly key: string;
			readonly src: string;
			readonly meta_json?: string;
			readonly update_policy?: "incoming" | "existing";
	  }
	| { readonly op: "set_meta"; readonly at?: string; readonly meta_json: string }
	| { readonly op: "delete"; readonly key: string }
	| { readonly op: "copy_entry"; readonly key: string; readonly from: string };

function metaOf(step: { readonly meta_json?: string }): { meta?: unknown } {
	return step.meta_json === undefined ? {} : { meta: parseJson(step.meta_json) };
}

/** Applies the steps to a new package. */
export async function packageFrom(steps: readonly Step[]): Promise<Package> {
	const made = new Package();
	for (const step of steps)
		switch (step.op) {
			case "set":
				await made.set(step.key, step.src, metaOf(step));
				break;
			case "set_dir":
				await made.setDir(step.key, step.src, {
					...metaOf(step),
					...(step.update_policy ? { updatePolicy: step.update_policy } : {}),
				});
				break;
			case "set_meta":
				(step.at === undefined ? made : made.at(step.at)).setMeta(parseJson(step.meta_json));
				break;
			case "delete":
				made.delete(step.key);
				break;
			case "copy_entry":
				await made.set(step.key, made.entry(step.from));
				break;
		}
	return made;
}

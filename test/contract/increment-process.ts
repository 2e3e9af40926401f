/** A child process of `directory-store.test.ts`: increments a counter in a store by compare-and-swap. */
import { isBaleError } from "../../src/core/errors.ts";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { collect } from "../../src/storage/byte-source.ts";

const [root = "", times = "0"] = process.argv.slice(2);
const store = new DirectoryStore(root);
let conflicts = 0;
for (let done = 0; done < Number(times);) {
	const object = await store.get("counter");
	if (object === undefined) throw new Error("The counter was absent for a moment");
	const text = new TextDecoder().decode(await collect(object.body));
	if (!/^\d+$/.test(text)) throw new Error(`The counter was not whole: "${text}"`);
	try {
		const next = new TextEncoder().encode(String(Number(text) + 1));
		await store.put("counter", next, { condition: { ifEtag: object.info.etag } });
		done++;
	} catch (error) {
		if (!isBaleError(error, "Conflict")) throw error;
		conflicts++;
	}
}
console.log(conflicts);

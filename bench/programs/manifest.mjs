/** What is measured of the library: `load` and `edit` of the package `bench/data` in a registry. */
import { Package } from "bale";

const [verb, registry, target, key] = process.argv.slice(2);
const found = await Package.browse("bench/data", { registry });
if (verb === "load") console.log(found.topHash);
else {
	// As quilt3-manifest.py does it.
	let [files, chosen] = [0, 0];
	for (const [name] of found.walk()) if (name.endsWith("7.bin")) files++;
	for (const folder of found.keys())
		if (found.has(`${folder}/f0007.bin`)) chosen += found.entry(`${folder}/f0007.bin`).size;
	found.entry(key).setMeta({ changed: true });
	const topHash = await found.build("bench/data", target, { message: null });
	console.log(files, chosen, topHash);
}

/** Tells the client, before anything of it is used, that it runs on this machine. */
import { setPlatform } from "../client/runtime.ts";
import { nodePlatform } from "../node/platform.ts";
import { keepNoMore } from "./compiled.ts";

const platform = nodePlatform();

setPlatform({
	...platform,
	openStore: (location) => {
		if (/^s3:/i.test(location)) optimizeLater();
		return platform.openStore(location);
	},
});

/**
 * Node 20 has every function that runs a few times in a request optimized, which takes a sixth of the processor time of a
 * transfer. Its V8 takes this flag at any time; later ones have no such flag, and do better by themselves.
 */
function optimizeLater(): void {
	if (!process.versions.v8.startsWith("11.3.")) return;
	keepNoMore();
	process.getBuiltinModule("node:v8").setFlagsFromString("--interrupt-budget=500000");
}

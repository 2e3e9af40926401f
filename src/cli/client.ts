/**
 * The library on this machine, for commands. Unlike `index.ts` it leaves out configuration and login, which
 * load a YAML parser and more: most commands never ask for them.
 */
import { setPlatform } from "../client/runtime.ts";
import { nodePlatform } from "../node/platform.ts";

setPlatform(nodePlatform());

export {
	Package,
	PackageEntry,
	buildPackage,
	checkWorkflow,
	deletePackage,
	installPackage,
	isBaleError,
	listPackages,
	lostRevisions,
	pushPackage,
	readWorkflow,
	readWorkflows,
	revisions,
	statusOf,
	unfinishedUploads,
	type SetDirOptions,
} from "../public.ts";

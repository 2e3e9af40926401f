/**
 * The library on this machine, for commands. Unlike `index.ts` it leaves out configuration, login and buckets, which
 * load a YAML parser and more: most commands never ask for them.
 */
import "./platform.ts";

export { isBaleError } from "../core/errors.ts";
export { PackageEntry } from "../client/entry.ts";
export { leftClaims } from "../client/left-claims.ts";
export { lostRevisions } from "../client/lost-revisions.ts";
export { preparePackageDeletion, revisions } from "../client/module.ts";
export { Package } from "../client/package.ts";
export type { SetDirOptions } from "../client/set-dir.ts";
export { statusOf } from "../client/status.ts";
export { unfinishedUploads } from "../client/unfinished-uploads.ts";
export type { PushResult } from "../client/verbs.ts";
export {
	buildPackage,
	installPackage,
	packageOfBase,
	packagesToCompare,
	pushPackage,
	readBase,
} from "../client/verbs.ts";
export { checkWorkflow, readWorkflow, readWorkflows } from "../client/workflows.ts";

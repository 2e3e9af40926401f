/** The verbs with everything that they can tell, for faces such as the command line. */
import { browseBase, browseTwo, readBase } from "./browse.ts";
import { buildPackage as build, type BuildOptions, type BuildResult as Built } from "./build.ts";
import {
	installPackage as install,
	type InstallOptions,
	type InstallResult as Installed,
} from "./install.ts";
import { Package } from "./package.ts";
import { pushTarget } from "./push-target.ts";
import { pushPackage as push, type PushOptions, type PushResult as Pushed } from "./push.ts";
import type { RegistryInput } from "./registries.ts";

export { readBase };

type WithPackage<T extends { state: unknown }> = Omit<T, "state"> & { readonly package: Package };

export type BuildResult = WithPackage<Built>;
export type PushResult = WithPackage<Pushed>;
export type InstallResult = WithPackage<Installed>;

function withPackage<T extends Built | Pushed | Installed>(result: T): WithPackage<T> {
	const { state, ...rest } = result;
	return { ...rest, package: Package.fromState(state) };
}

/** The revision that a base names, each time as a package of its own; undefined when there is none. */
export async function packageOfBase(...args: Parameters<typeof browseBase>): Promise<Package | undefined> {
	const state = await browseBase(...args);
	return state && Package.fromState(state);
}

/** Two revisions to be compared, for less than reading the one and the other. */
export async function packagesToCompare(...args: Parameters<typeof browseTwo>): Promise<[Package, Package]> {
	const [before, after] = await browseTwo(...args);
	return [Package.fromState(before), Package.fromState(after)];
}

/** `Package.build` with its full result. */
export async function buildPackage(
	of: Package,
	name: string,
	registry?: RegistryInput,
	options: BuildOptions = {},
): Promise<BuildResult> {
	return withPackage(await build(Package.stateOf(of), name, registry, options));
}

/** `Package.push` with its full result. */
export async function pushPackage(of: Package, name: string, options: PushOptions = {}): Promise<PushResult> {
	const target = pushTarget(options.registry, { dest: options.dest });
	return withPackage(await push(Package.stateOf(of), name, { ...options, ...target }));
}

/** `Package.install` with its full result. */
export async function installPackage(name: string, options: InstallOptions = {}): Promise<InstallResult> {
	return withPackage(await install(name, options));
}

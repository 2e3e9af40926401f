/**
 * Keeps what V8 compiles for the next call, as Node does from 22.1 on when it is told where (`module.enableCompileCache`). For Node
 * 20, and for the files of the bundle alone, whose names tell their content. V8 itself looks whether what was kept was made by the same
 * release with the same flags, but takes damaged bytes, and ends the process: so they are kept twice, and have to agree, which is
 * found out faster than any digest is made.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { readOwn } from "../node/own-file.ts";

/** When there are more, of releases that are no longer here, all are forgotten. */
const maxFiles = 200;

type Compiled = { readonly place: string; readonly script: Script };
type Wrapper = (
	exports: unknown,
	require: unknown,
	module: NodeJS.Module,
	file: string,
	directory: string,
) => void;

let finish = (): void => undefined;

/** What is loaded from here on is kept below `directory`. A place that cannot be written does no harm. */
export function keepCompiled(directory: string): void {
	const places = join(directory, `${process.version}-${process.arch}`);
	// eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other way, and Node 20 changes no more
	const handlers = createRequire(process.execPath).extensions;
	const plain = handlers[".js"];
	const bundle = dirname(fileURLToPath(import.meta.url));
	const missed: Compiled[] = [];
	handlers[".js"] = (module, file) => {
		if (dirname(file) !== bundle) {
			plain(module, file);
			return;
		}
		const place = join(places, basename(file));
		const script = compile(file, readKept(place));
		if (script.cachedDataRejected !== false) missed.push({ place, script });
		const require = (id: string): unknown => module.require(id);
		const run = script.runInThisContext() as Wrapper;
		run.call(module.exports, module.exports, require, module, file, bundle);
	};
	finish = () => {
		handlers[".js"] = plain;
		for (const { place, script } of missed.splice(0)) keep(place, script.createCachedData());
	};
	process.once("exit", () => finish());
}

/** To be called before V8 gets other flags: what it compiles then does not fit what it compiles without them. */
export function keepNoMore(): void {
	finish();
}

function compile(filename: string, cachedData: Buffer | undefined): Script {
	const text = readFileSync(filename, "utf8");
	return new Script(`(function (exports, require, module, __filename, __dirname) { ${text}\n})`, {
		filename,
		...(cachedData === undefined ? {} : { cachedData }),
	});
}

function readKept(place: string): Buffer | undefined {
	try {
		const bytes = readOwn(place);
		const [once, again] = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
		return once.equals(again) ? once : undefined;
	} catch {
		return undefined;
	}
}

function keep(place: string, data: Buffer): void {
	const temporary = `${place}-${process.pid}`;
	try {
		mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
		const names = readdirSync(dirname(place));
		if (names.length > maxFiles) for (const name of names) forget(join(dirname(place), name));
		writeFileSync(temporary, Buffer.concat([data, data]), { mode: 0o600 });
		renameSync(temporary, place);
	} catch {
		forget(temporary);
	}
}

function forget(path: string): void {
	try {
		unlinkSync(path);
	} catch {
		// It is not there, or has to stay.
	}
}

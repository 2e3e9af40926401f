/** Small modules of ours that compute what JavaScript is slow at. Each has a plain implementation beside it. */
import { parseBase64 } from "./base64.ts";

/** Not there in a process that may not make code (`node --jitless`). */
type Compiler = {
	readonly Module: new (code: Uint8Array) => object;
	readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What a module that imports nothing exports, made from its base64; undefined where there is no WebAssembly, or a page forbids it. */
export function instantiate(base64: string): unknown {
	const compiler = (globalThis as { WebAssembly?: Compiler }).WebAssembly;
	if (compiler === undefined) return undefined;
	try {
		const module = new compiler.Module(parseBase64(base64) as Uint8Array);
		return new compiler.Instance(module).exports;
	} catch {
		// A page whose policy has no `wasm-unsafe-eval`, a process that is out of memory, or a machine without its vectors.
		return undefined;
	}
}

import { RunScanner } from "../../src/core/manifest-lines.ts";

/** Has manifests of any size scanned many lines at once from now on, as large ones are. Throws where that cannot be. */
export function scanManyLines(): void {
	const line =
		'{"logical_key": "a", "physical_keys": ["s3://b/k"], "size": 1, "hash": {"type": "t", "value": "v"}, "meta": {}}\n';
	const bytes = new TextEncoder().encode(line.repeat(2000));
	if (new RunScanner().scan(bytes, 0, bytes.length)?.entries !== 1)
		throw new Error("there is no WebAssembly");
}

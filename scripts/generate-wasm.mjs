/**
 * Compiles `wasm/manifest-lines.ts` (AssemblyScript) and writes it as `src/core/manifest-lines-module.ts`. The compiler is fetched
 * when this runs, and is no dependency: it is larger than all others together, and what it makes is checked in.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

const compiler = "assemblyscript@0.28.20";
const source = join(root, "wasm/manifest-lines.ts");

/** What is checked in tells of which source it was made. */
export function sourceDigest() {
	return createHash("sha256").update(readFileSync(source)).digest("hex");
}

function compile() {
	const directory = mkdtempSync(join(tmpdir(), "bale-wasm-"));
	try {
		const made = join(directory, "module.wasm");
		const options =
			"-O3 --runtime stub --noAssert --enable simd --initialMemory 10 --maximumMemory 10 --use abort=";
		execFileSync(
			"npx",
			["--yes", "--package", compiler, "--", "asc", source, "--outFile", made, ...options.split(" ")],
			{ cwd: directory, stdio: "inherit" },
		);
		return readFileSync(made);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

function moduleSource() {
	return `// Made by scripts/generate-wasm.mjs from wasm/manifest-lines.ts: do not edit.

/** The SHA-256 of that source. */
export const sourceSha256 = "${sourceDigest()}";

/** The WebAssembly module, in base64. */
export const moduleBase64 =
	"${compile().toString("base64")}";
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
	writeFileSync(join(root, "src/core/manifest-lines-module.ts"), moduleSource());

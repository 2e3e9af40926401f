import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };

/** @type {import("node:module").LoadHook} */
export async function load(url, context, nextLoad) {
	if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
	const text = await readFile(fileURLToPath(url), "utf8");
	const source = ts.transpileModule(text, { compilerOptions }).outputText;
	return { format: "module", source, shortCircuit: true };
}

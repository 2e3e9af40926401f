import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const typed = ["src/**/*.ts", "test/**/*.ts", "vitest.config.ts"];

export default defineConfig(
	globalIgnores([
		"dist/",
		"wasm/",
		"node_modules/",
		".tools/",
		".bale-demo/",
		"coverage/",
		"test/golden/**/input/",
	]),
	{ linterOptions: { reportUnusedDisableDirectives: "error" } },
	{ files: ["**/*.js", "**/*.mjs"], extends: [eslint.configs.recommended] },
	{
		files: ["**/*.js", "**/*.mjs"],
		languageOptions: {
			globals: Object.fromEntries(
				[
					"Buffer",
					"URL",
					"WebAssembly",
					"console",
					"fetch",
					"performance",
					"process",
					"setTimeout",
					"structuredClone",
				].map((name) => [name, "readonly"]),
			),
		},
	},
	{
		files: ["test/browser/*page.mjs"],
		languageOptions: {
			globals: Object.fromEntries(
				["Blob", "Response", "TextDecoder", "TextEncoder", "crypto", "fetch"].map((name) => [
					name,
					"readonly",
				]),
			),
		},
	},
	{
		files: typed,
		extends: [eslint.configs.recommended, tseslint.configs.strictTypeChecked],
		languageOptions: {
			parserOptions: {
				project: ["./src/*/tsconfig.json", "./src/tsconfig.*.json", "./tsconfig.test.json"],
				tsconfigRootDir: import.meta.dirname,
			},
		},
		rules: {
			eqeqeq: "error",
			"no-restricted-syntax": [
				"error",
				{
					selector: "CallExpression[arguments.length=0][callee.property.name=/^(sort|toSorted)$/]",
					message: "Sorting text without a comparison goes by UTF-16 units: say which order is meant.",
				},
			],
			"@typescript-eslint/consistent-type-imports": "error",
			// An options object and its absence are told apart by `exactOptionalPropertyTypes`.
			"@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
			"@typescript-eslint/no-unused-vars": [
				"error",
				{ argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
			],
			"@typescript-eslint/restrict-template-expressions": [
				"error",
				{ allowNumber: true, allowBoolean: true },
			],
			"@typescript-eslint/switch-exhaustiveness-check": [
				"error",
				{ considerDefaultExhaustiveForUnions: true },
			],
			// Methods of an interface that happen to need nothing asynchronous are still promises.
			"@typescript-eslint/require-await": "off",
			// Control characters are what several of our patterns look for.
			"no-control-regex": "off",
			// `tsc` checks names.
			"no-undef": "off",
		},
	},
	{
		files: ["test/**/*.ts", "src/**/*.test.ts"],
		rules: {
			"@typescript-eslint/no-non-null-assertion": "off",
			"@typescript-eslint/unbound-method": "off",
		},
	},
);

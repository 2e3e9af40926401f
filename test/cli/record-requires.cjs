// Writes the URLs of the CommonJS modules that a process has loaded to the file $BALE_TEST_LOADS, when it ends.
// Used with: node --require ./record-requires.cjs …
const { writeFileSync } = require("node:fs");
const { pathToFileURL } = require("node:url");

process.on("exit", () => {
	const loaded = Object.keys(require.cache).filter((path) => path !== __filename);
	writeFileSync(process.env.BALE_TEST_LOADS, loaded.map((path) => `${pathToFileURL(path).href}\n`).join(""));
});

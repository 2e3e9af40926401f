/** With `BALE_SEED` property tests, too, take the same values again. Without it fast-check names the seed of what fails. */
const seed = process.env["BALE_SEED"];
if (seed !== undefined) (await import("fast-check")).configureGlobal({ seed: Number(seed) });

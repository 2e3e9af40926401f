/** Variables that tests may take over from the caller although they begin with a prefix of ours. */
const passed = new Set([
	"BALE_SEED",
	"BALE_TOOLS_DIR",
	"BALE_CHROMIUM",
	"BALE_PYTHON",
	"BALE_VERSITYGW",
	"BALE_MINIO",
]);

/**
 * Changes to an environment after which neither bale nor quilt3 sees the user's own settings or
 * writes to the user's folders. `undefined`: the variable is to be removed.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} home an existing directory that is this run's home
 * @returns {Record<string, string | undefined>}
 */
export function isolatedEnvironment(environment, home) {
	/** @type {Record<string, string | undefined>} */
	const changes = {};
	for (const name of Object.keys(environment))
		if (/^(BALE|QUILT|AWS|XDG)_/.test(name) && !passed.has(name) && !name.startsWith("BALE_TEST_"))
			changes[name] = undefined;
	return {
		...changes,
		HOME: home,
		USERPROFILE: home,
		APPDATA: `${home}/AppData/Roaming`,
		LOCALAPPDATA: `${home}/AppData/Local`,
		XDG_CONFIG_HOME: `${home}/.config`,
		XDG_DATA_HOME: `${home}/.local/share`,
		XDG_CACHE_HOME: `${home}/.cache`,
		XDG_STATE_HOME: `${home}/.local/state`,
		// Whoever forgets to name a server reaches a closed port of this machine, never a cloud.
		AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9",
		AWS_EC2_METADATA_DISABLED: "true",
		QUILT_DISABLE_USAGE_METRICS: "true",
		NO_COLOR: "1",
		FORCE_COLOR: undefined,
	};
}

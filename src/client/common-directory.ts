/** The deepest directory that all files lie in, for absolute paths with `/`; undefined for none, or when it is the top. */
export function commonDirectory(files: readonly { readonly path: string }[]): string | undefined {
	const [first] = files;
	if (first === undefined) return undefined;
	let common = parentOf(first.path);
	for (const { path } of files) {
		while (common !== "" && !path.startsWith(`${common}/`)) common = parentOf(common);
	}
	return common === "" ? undefined : common;
}

function parentOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

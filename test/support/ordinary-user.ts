const nobody = 65_534;

/** Runs `work` without the superuser's rights, so that permissions mean something also in a container. */
export async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
	const user = process.geteuid?.();
	if (user !== 0) return work();
	process.seteuid?.(nobody);
	try {
		return await work();
	} finally {
		process.seteuid?.(user);
	}
}

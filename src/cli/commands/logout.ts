import { loggedIn, logout } from "../../node/identity.ts";
import type { Invocation, Report } from "../command.ts";

/** `bale logout` */
export async function run({ options, output }: Invocation): Promise<Report> {
	if (options.flag("dry-run")) {
		const catalog = await loggedIn();
		return {
			document: { wasLoggedIn: catalog !== undefined, revoked: [], unconfirmed: [], dryRun: true },
			ids: [],
			notes: [catalog === undefined ? "Nobody is logged in" : `Would log out of ${output.display(catalog)}`],
		};
	}
	const { wasLoggedIn, revoked, unconfirmed } = await logout();
	for (const service of unconfirmed) {
		output.warn(
			"LogoutUnconfirmed",
			`${service} did not confirm the end of the login; its tokens are gone from this machine but may live on until they expire`,
		);
	}
	return {
		document: { wasLoggedIn, revoked, unconfirmed, dryRun: false },
		ids: revoked,
		notes: [wasLoggedIn ? "Logged out" : "Nobody was logged in"],
	};
}

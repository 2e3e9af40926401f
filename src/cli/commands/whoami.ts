import { BaleError } from "../../core/errors.ts";
import { loggedIn } from "../../node/identity.ts";
import type { Invocation, Report } from "../command.ts";
import { listSettings } from "../configuration.ts";

/** `bale whoami` */
export async function run({ output, env }: Invocation): Promise<Report> {
	const catalog = await loggedIn();
	if (catalog === undefined) {
		throw new BaleError("NotLoggedIn", "Nobody is logged in", { hint: "Log in: bale login" });
	}
	const service = (await listSettings()).find(({ key }) => key === "registryUrl")?.value ?? null;
	const byKey = Boolean(env["BALE_API_KEY"] ?? env["QUILT_API_KEY"]);
	return {
		document: { catalog, service, method: byKey ? "api-key" : "login" },
		ids: [catalog],
		data: [output.display(catalog)],
		notes: byKey ? ["By the API key in the environment"] : [],
	};
}

/** Keys of roles that a profile assumes: with other keys, or with a token that the machine was given. */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import type { AwsProfile } from "./aws-profile.ts";
import { askSts } from "./aws-request.ts";
import type { Environment } from "./places.ts";
import { readSmallFile } from "./private-file.ts";
import type { Credentials } from "./shared-credentials.ts";

/** `Unsupported` for a role that wants a one-time password, which nobody can be asked for in the middle of a transfer. */
export async function assumeRole(
	profile: AwsProfile,
	source: () => Promise<Credentials | undefined>,
	env: Environment,
): Promise<Credentials> {
	const { name, values } = profile;
	if (values.has("mfa_serial")) {
		throw new BaleError(
			"Unsupported",
			`Cannot assume the role of the AWS profile "${display(name)}": it wants a one-time password (mfa_serial)`,
			{
				hint: `Run: eval "$(aws configure export-credentials --profile ${display(name)} --format env)"`,
				details: { profile: name, setting: "mfa_serial" },
			},
		);
	}
	const keys = await source();
	if (keys === undefined) {
		throw new BaleError(
			"AccessDenied",
			`Cannot assume the role of the AWS profile "${display(name)}": there are no keys to do it with`,
			{
				hint: "Check source_profile or credential_source in your AWS configuration",
				details: { profile: name },
			},
		);
	}
	return askSts(
		{
			Action: "AssumeRole",
			RoleArn: values.get("role_arn"),
			RoleSessionName: values.get("role_session_name") || sessionName(),
			ExternalId: values.get("external_id"),
			DurationSeconds: values.get("duration_seconds"),
		},
		keys,
		profile,
		env,
	);
}

/** The role of a web identity, from variables or the profile; undefined when neither names a token. */
export async function webIdentityKeys(
	profile: AwsProfile,
	env: Environment,
): Promise<Credentials | undefined> {
	const { name, values } = profile;
	const path = env["AWS_WEB_IDENTITY_TOKEN_FILE"] || values.get("web_identity_token_file");
	if (!path) return undefined;
	const role = env["AWS_ROLE_ARN"] || values.get("role_arn");
	const token = (await readSmallFile(path))?.trim();
	if (!role || !token) {
		const state = role ? `there is no token in "${display(path)}"` : "no role is named";
		throw new BaleError("InvalidConfig", `Cannot use the web identity of this machine: ${state}`, {
			hint: role ? "Check AWS_WEB_IDENTITY_TOKEN_FILE" : "Set AWS_ROLE_ARN",
			details: { profile: name, path },
		});
	}
	return askSts(
		{
			Action: "AssumeRoleWithWebIdentity",
			RoleArn: role,
			RoleSessionName: env["AWS_ROLE_SESSION_NAME"] || values.get("role_session_name") || sessionName(),
			WebIdentityToken: token,
		},
		undefined,
		profile,
		env,
	);
}

function sessionName(): string {
	return `bale-${Date.now()}`;
}

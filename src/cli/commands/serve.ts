import { keysOf, serveFolders } from "../../server/serve.ts";
import type { Invocation, Report } from "../command.ts";
import { usageError } from "../options.ts";

const maxPort = 65_535;
const defaultPort = 9000;

/** `bale serve` */
export async function run({ spec, options, output, signal, env }: Invocation): Promise<Report> {
	const inputs = options.list("s3");
	if (inputs.length === 0) throw usageError(spec, '"bale serve" needs --s3 with the folders that are served');
	const port = options.integer("port") ?? defaultPort;
	if (port > maxPort) throw usageError(spec, `--port "${port}" is more than ${maxPort}`);
	const given = keysOf(env);
	const readOnly = options.flag("read-only");
	const { gateway, folders, keys } = await serveFolders({
		folders: inputs,
		keys: given,
		host: options.text("host"),
		port,
		readOnly,
		origins: options.list("cors"),
		onError(error) {
			const text = error instanceof Error ? (options.flag("debug") ? error.stack : error.message) : undefined;
			output.error(output.display(`error: ${text ?? String(error)}`));
		},
	});
	const { endpoint } = gateway;
	return {
		document: {
			endpoint,
			buckets: folders.map(({ bucket, folder }) => ({ name: bucket, folder })),
			readOnly,
			accessKeyId: keys.accessKeyId,
			secretAccessKey: given === undefined ? keys.secretAccessKey : null,
		},
		ids: [endpoint],
		data: [
			...folders.map(({ bucket, folder }) => output.display(`s3://${bucket} is ${folder}`)),
			`AWS_ENDPOINT_URL_S3=${endpoint}`,
			"AWS_REGION=us-east-1",
			...(given === undefined
				? [`AWS_ACCESS_KEY_ID=${keys.accessKeyId}`, `AWS_SECRET_ACCESS_KEY=${keys.secretAccessKey}`]
				: []),
		],
		notes: ["Serving until Ctrl-C"],
		async running() {
			await new Promise<void>((resolve) => {
				if (signal.aborted) resolve();
				signal.addEventListener("abort", () => {
					resolve();
				});
			});
			await gateway.close();
		},
	};
}

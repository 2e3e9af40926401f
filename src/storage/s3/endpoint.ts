/** Where a bucket is reached. */
import { BaleError } from "../../core/errors.ts";
import type { Addressing } from "../../core/registry-setting-names.ts";

/** Origin, value of the `host` header, and the path before a key (without a final slash). */
export type BucketAddress = { readonly origin: string; readonly host: string; readonly basePath: string };

/** Domains of AWS, by how the names of the regions begin that are not in the usual one. */
const domains: readonly (readonly [regions: string, domain: string])[] = [
	["cn-", "amazonaws.com.cn"],
	["eusc-", "amazonaws.eu"],
	["us-iso-", "c2s.ic.gov"],
	["us-isob-", "sc2s.sgov.gov"],
	["us-isof-", "csp.hci.ic.gov"],
	["eu-isoe-", "cloud.adc-e.uk"],
];

/** Domain of AWS's services in a region. */
export function awsDomain(region: string): string {
	return domains.find(([regions]) => region.startsWith(regions))?.[1] ?? "amazonaws.com";
}

/**
 * The address of a bucket. Without `endpoint` that is AWS: the bucket is in the host name, unless its name
 * cannot be there. Other endpoints get the bucket in the path, unless `addressing` says otherwise.
 * Throws `InvalidConfig` for what is no http or https address.
 */
export function bucketAddress(
	bucket: string,
	region: string,
	options: { readonly endpoint?: string | undefined; readonly addressing?: Addressing | undefined },
): BucketAddress {
	const inHost = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);
	if (options.endpoint === undefined) {
		const domain = `s3.${region}.${awsDomain(region)}`;
		const virtual = options.addressing === undefined ? inHost : options.addressing === "virtual";
		const host = virtual ? `${bucket}.${domain}` : domain;
		return { origin: `https://${host}`, host, basePath: virtual ? "" : `/${bucket}` };
	}
	const parts = /^(https?):\/\/([^/?#@\s]+)(\/[^?#\s]*)?$/i.exec(options.endpoint);
	if (parts === null) {
		throw new BaleError("InvalidConfig", `Cannot use "${options.endpoint}" as an S3 endpoint`, {
			hint: "Give an address such as https://storage.example.com",
			details: { endpoint: options.endpoint },
		});
	}
	const scheme = (parts[1] ?? "").toLowerCase();
	const name = (parts[2] ?? "").toLowerCase().replace(scheme === "http" ? /:80$/ : /:443$/, "");
	const path = (parts[3] ?? "").replace(/\/+$/, "");
	const virtual = options.addressing === "virtual" && inHost;
	const host = virtual ? `${bucket}.${name}` : name;
	return { origin: `${scheme}://${host}`, host, basePath: virtual ? path : `${path}/${bucket}` };
}

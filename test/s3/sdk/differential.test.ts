/** Our own client beside AWS's SDK: both do the same on one server, and are told the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseSeed } from "../../support/random.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { contents, Pair, type Step } from "./pair.ts";
import { sdkOn } from "./sdk.ts";

const keys = ["plain.txt", "dir/b c+d", "dir/é😀", "dir/%41&=?#'()*!~;:@$,", 'odd <&>"/x'];

const key = fc.constantFrom(...keys);
const version = fc.option(fc.nat(3), { nil: undefined });
const kind = <K extends Step["kind"]>(name: K): fc.Arbitrary<K> => fc.constant(name);
const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({
			kind: kind("put"),
			key,
			content: fc.nat(contents.length - 1),
			condition: fc.constantFrom("none", "none", "absent", "same", "other"),
		}),
	},
	fc.record({ kind: kind("delete"), key }),
	fc.record({ kind: kind("copy"), key, from: key }),
	{
		weight: 3,
		arbitrary: fc.record({
			kind: kind("get"),
			key,
			range: fc.option(fc.tuple(fc.constantFrom(0, 1, 70_000), fc.constantFrom(1, 2, 9_000)), {
				nil: undefined,
			}),
			version,
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: kind("head"), key, version }) },
	{
		weight: 2,
		arbitrary: fc.record({
			kind: kind("list"),
			prefix: fc.constantFrom("", "d", "dir/", "dir/b c", "dir/é", "odd <", "x"),
			delimiter: fc.boolean(),
			after: fc.option(key, { nil: undefined }),
		}),
	},
);

onEachServer((server) => {
	test("our client and AWS's SDK are told the same, whatever they do", async () => {
		const sdk = sdkOn(server());
		const steps = fc.array(step, { minLength: 15, maxLength: 40, size: "max" });
		let compared = 0;
		await fc.assert(
			fc.asyncProperty(fc.boolean(), steps, async (versions, taken) => {
				const [theirs, ours] = [
					await server().makeBucket({ versions }),
					await server().makeBucket({ versions }),
				];
				const pair = new Pair(sdk, server(), theirs, ours);
				for (const step of taken) {
					const [bySdk, byUs] = await pair.take(step);
					expect(byUs, JSON.stringify(step)).toEqual(bySdk);
					compared++;
				}
				const [inTheirs, inOurs] = await pair.state();
				expect(inOurs).toEqual(inTheirs);
			}),
			{
				seed: chooseSeed("our client beside the SDK"),
				numRuns: 12,
				interruptAfterTimeLimit: 6_000,
				endOnFailure: true,
			},
		);
		expect(compared).toBeGreaterThan(15);
		sdk.destroy();
	});
});

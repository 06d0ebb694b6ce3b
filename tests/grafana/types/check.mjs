// Holds dashboards against Grafana's own types: the dashboard itself, and of each panel its options and the custom part of
// its field configuration against those of the panel's kind. A property that the types do not have is a fault.
//
// node check.mjs PACKAGES DASHBOARD.json…    PACKAGES holds node_modules. Prints a line for each fault; status 1 if any.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const [packages, ...files] = process.argv.slice(2);
const ts = createRequire(path.join(packages, 'here.js'))('typescript');
const kinds = path.join(packages, 'node_modules/@grafana/schema/dist/types/raw/composable');

// In JSON an enum is its value, and what is left out or null has its default.
const HEAD = `
import type { Dashboard } from '@grafana/schema';
type Json<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends (infer E)[] ? Json<E>[] : T extends object ? { [K in keyof T]?: Json<T[K]> | null } : T;
`;

const panels = (list) => list.flatMap((panel) => [panel, ...panels(panel.panels ?? [])]);

// The parts of a dashboard that have a type: what they are called, and the TypeScript that says so.
function* claims(dashboard) {
  yield ['the dashboard', dashboard, 'Dashboard'];
  for (const panel of panels(dashboard.panels).filter((panel) => panel.type !== 'row')) {
    const name = `panel ${panel.id}, ${panel.title}`;
    const types = path.join(kinds, panel.type, 'panelcfg/x/types.gen.d.ts');
    if (!fs.existsSync(types)) throw new Error(`${name}: Grafana has no panel ${panel.type}`);
    const text = fs.readFileSync(types, 'utf8');
    const module = types.replace(/\.d\.ts$/, '.js');
    const custom = panel.fieldConfig.defaults.custom;
    for (const [part, value, type] of [['options', panel.options, 'Options'], ['custom', custom, 'FieldConfig']])
      if (value && new RegExp(`export (interface|type) ${type}\\b`).test(text))
        yield [`${name}: ${part}`, value, `import('${module}').${type}`];
  }
}

function faults(file) {
  const lines = HEAD.split('\n');
  const owners = lines.map(() => '');
  let count = 0;
  for (const [name, value, type] of claims(JSON.parse(fs.readFileSync(file, 'utf8')))) {
    const text = `export const part${count++} = ${JSON.stringify(value, null, 1)} satisfies Json<${type}>;`;
    for (const line of text.split('\n')) lines.push(line), owners.push(name);
  }
  // Beside the packages, so that they are found.
  const source = path.join(packages, `claims-${path.basename(file, '.json')}-${process.pid}.ts`);
  fs.writeFileSync(source, lines.join('\n'));
  try {
    const program = ts.createProgram([source], {
      noEmit: true, strict: true, skipLibCheck: true, types: [],
      module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022,
    });
    return ts.getPreEmitDiagnostics(program).map((found) => {
      const line = found.file?.getLineAndCharacterOfPosition(found.start).line ?? 0;
      const what = ts.flattenDiagnosticMessageText(found.messageText, ' ');
      return `${file}: ${owners[line]}: ${lines[line].trim()}: ${what}`;
    });
  } finally {
    fs.rmSync(source);
  }
}

const found = files.flatMap(faults);
found.forEach((fault) => console.log(fault));
console.log(`${files.length} dashboards, ${found.length} faults`);
process.exit(found.length || !files.length ? 1 : 0);

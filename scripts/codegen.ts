// npm run codegen: writes what codegen.yml asks for.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as add from '@graphql-codegen/add';
import { codegen } from '@graphql-codegen/core';
import * as operations from '@graphql-codegen/typescript-operations';
import { buildASTSchema, parse } from 'graphql';
import { parse as parseYaml } from 'yaml';
import * as clientCache from './client-cache.ts';
import * as clientDocuments from './client-documents.ts';
import * as clientMethods from './client-methods.ts';
import * as trustedDocuments from './trusted-documents.ts';

type PluginName = keyof typeof pluginMap;
type PluginEntry = PluginName | Partial<Record<PluginName, object>>;

interface CodegenConfig {
  readonly schema: string;
  readonly documents: string;
  readonly generates: Readonly<
    Record<string, { readonly plugins: readonly PluginEntry[]; readonly config?: object }>
  >;
}

const pluginMap = {
  add,
  'typescript-operations': operations,
  './scripts/client-cache.ts': clientCache,
  './scripts/client-documents.ts': clientDocuments,
  './scripts/client-methods.ts': clientMethods,
  './scripts/trusted-documents.ts': trustedDocuments,
};

const config = parseYaml(await readFile('codegen.yml', 'utf8')) as CodegenConfig;
const schema = parse(await readFile(config.schema, 'utf8'));
// The pattern names all files of one folder: `schema/operations/*.graphql`.
const folder = path.dirname(config.documents);
const names = (await readdir(folder)).filter((name) =>
  name.endsWith(path.extname(config.documents)),
);
const documents = await Promise.all(
  names.sort().map(async (name) => {
    const location = path.join(folder, name);
    return { location, document: parse(await readFile(location, 'utf8')) };
  }),
);
for (const [filename, output] of Object.entries(config.generates)) {
  const text = await codegen({
    filename,
    schema,
    schemaAst: buildASTSchema(schema),
    documents,
    plugins: output.plugins.map((plugin) =>
      typeof plugin === 'string' ? { [plugin]: {} } : plugin,
    ),
    pluginMap,
    config: { ...output.config },
  });
  await writeFile(filename, text);
}

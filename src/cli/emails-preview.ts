// Writes an email of every kind as .txt and .html files into a folder, for people to view.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { exampleEmails } from './emails/examples.ts';

const folder = process.argv[2] ?? '.emails';
await mkdir(folder, { recursive: true });
for (const { name, content } of exampleEmails()) {
  await writeFile(
    path.join(folder, `${name}.txt`),
    `Subject: ${content.subject}\n\n${content.text}`,
  );
  await writeFile(path.join(folder, `${name}.html`), content.html);
}
process.stdout.write(`An email of every kind is in ${folder}.\n`);

// What a PDF says, read by another library than the one that writes ours.

import { getDocument, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';

/** The text of each page, line by line; words on a line in their order. */
export async function textOfPages(bytes: Uint8Array): Promise<readonly string[]> {
  return withPdf(bytes, async (pdf) => {
    const pages: string[] = [];
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      pages.push(
        items
          .flatMap((item) => ('str' in item ? [item.str, item.hasEOL ? '\n' : ''] : []))
          .join('')
          .replaceAll('\u00a0', ' '),
      );
    }
    return pages;
  });
}

/** Does something with a PDF, and gives it back. */
export async function withPdf<T>(
  bytes: Uint8Array,
  use: (pdf: PDFDocumentProxy) => Promise<T>,
): Promise<T> {
  // The library keeps the bytes that it is given.
  const loading = getDocument({ data: Uint8Array.from(bytes), verbosity: 0 });
  try {
    return await use(await loading.promise);
  } finally {
    await loading.destroy();
  }
}

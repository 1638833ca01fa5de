/// <reference types="pdfkit" />
// What the types of packages lack, or say otherwise than Node loads them.

declare module 'bidi-js' {
  interface Bidi {
    /** The level of each UTF-16 unit: odd from right to left. */
    getEmbeddingLevels(text: string): { readonly levels: Uint8Array };
  }
  const bidiFactory: () => Bidi;
  export = bidiFactory;
}

declare namespace PDFKit {
  namespace Mixins {
    interface StructureElementOptions {
      /** Of a table's head: what its cells are heads of. */
      scope?: 'Column' | 'Row';
    }
  }
}

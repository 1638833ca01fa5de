// A statement as a document: opened in a tab of its own, or saved. Its token is no part of an address, so the page fetches it.

import { useState } from 'react';
import { ask, ExportFailure, type ExportProblem, fileNameOf } from '../exports/download.ts';
import { saveBlob } from '../exports/file.ts';
import { readerLanguage } from '../preferences.ts';
import { currentSession, tokenRefused } from '../session/session.ts';

export const FORMS = ['html', 'pdf', 'json'] as const;
export type Form = (typeof FORMS)[number];

export interface Forms {
  /** The form that is being fetched; null: none. */
  readonly busy: Form | null;
  /** Why the last one did not come. */
  readonly problem: ExportProblem | null;
  /** Fetches a form and hands it over: HTML in a new tab, the others as files. */
  readonly take: (form: Form) => void;
}

/** The forms of a statement. */
export function useForms({ id }: { readonly id: string }): Forms {
  const [busy, setBusy] = useState<Form | null>(null);
  const [problem, setProblem] = useState<ExportProblem | null>(null);
  const take = async (form: Form): Promise<void> => {
    setBusy(form);
    setProblem(null);
    try {
      await handOver(id, form);
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(null);
  };
  return {
    busy,
    problem,
    take: (form) => {
      void take(form);
    },
  };
}

async function handOver(id: string, form: Form): Promise<void> {
  const session = currentSession();
  if (session.state !== 'signed-in') return;
  // Opened while it is the person's act: later it would be a popup, which browsers block.
  const tab = form === 'html' ? window.open('', '_blank') : null;
  try {
    const { language } = readerLanguage();
    const { token } = session;
    const response = await ask(`/v1/statements/${id}.${form}?lang=${language}`, { token });
    if (tab === null) saveBlob(await response.blob(), fileNameOf(response));
    else tab.location.href = URL.createObjectURL(await styled(response));
  } catch (error) {
    tab?.close();
    if (error instanceof ExportFailure && error.problem.kind === 'refused') {
      tokenRefused(session.token);
    }
    throw error;
  }
}

// A document made by this page is bound by its policy, which takes styles by their nonce only. The address of the document is
// kept for as long as the page is open, so that the tab can be reloaded.
async function styled(response: Response): Promise<Blob> {
  const html = await response.text();
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
  const type = response.headers.get('content-type') ?? 'text/html';
  return new Blob([html.replace('<style>', `<style nonce="${nonce}">`)], { type });
}

function problemOf(error: unknown): ExportProblem {
  if (error instanceof ExportFailure) return error.problem;
  // The answer broke off while it was read.
  return { kind: 'unreachable', message: null, reference: null, retryAfterSeconds: null };
}

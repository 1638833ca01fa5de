import './styles/main.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { startPreferences } from './preferences.ts';
import { tellHeight } from './session/embedding.ts';
import { startSession } from './session/session.ts';
import { allowEmptyHtml } from './trusted-html.ts';

allowEmptyHtml();
startPreferences();
startSession();
tellHeight();
const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element #root.');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

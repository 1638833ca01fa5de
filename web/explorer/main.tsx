// The entry of the explorer.

import 'graphiql/style.css';
import './explorer.css';
import { createRoot } from 'react-dom/client';
import { Explorer, takeFirstKey } from './explorer.tsx';
import { provideWorkers } from './workers.ts';

provideWorkers();
const root = document.getElementById('root');
const demo = document.querySelector<HTMLMetaElement>('meta[name="demo"]')?.content ?? null;
if (root !== null) createRoot(root).render(<Explorer firstKey={takeFirstKey()} demo={demo} />);

// The entry of the explorer.

import 'graphiql/style.css';
import './explorer.css';
import { createRoot } from 'react-dom/client';
import { Explorer } from './explorer.tsx';
import { provideWorkers } from './workers.ts';

provideWorkers();
const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<Explorer />);

// What the browser may be given of the server's sources: pure files, which need no Node and hold no secret.
const SHARED = ['src/core/(micro|errors)\\.ts'];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-of-src-only',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(src|scripts|migrations|bench)/', pathNot: `^(${SHARED.join('|')})$` },
    },
    {
      name: 'shared-needs-no-other',
      severity: 'error',
      comment: 'What is shared must not bring more of the server with it.',
      from: { path: '^src/' },
      to: { pathNot: `^(${SHARED.join('|')})$` },
    },
    {
      name: 'no-node',
      severity: 'error',
      from: { path: '^(web|src)/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^web/dist/' },
  },
};

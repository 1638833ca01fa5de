// How TypeScript is compiled for `npm start`, and for the benchmarks, which measure the same code. Names are not kept: that calls a
// function for each function that is made, also anew for each request, and takes a tenth of one.

export const compiling = { platform: 'node', format: 'esm', target: 'node20.19' };

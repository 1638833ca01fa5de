export declare const compiling: {
  readonly platform: 'node';
  readonly format: 'esm';
  readonly target: string;
};

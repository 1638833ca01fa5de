// What the types of pg leave out. Classes that send statements in their own way use it, as pg-cursor does.

declare module 'pg/lib/utils.js' {
  const utils: {
    /** A value as it is sent to the server. */
    readonly prepareValue: (value: unknown) => Buffer | string | null;
  };
  export = utils;
}
